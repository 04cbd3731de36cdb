#include "kube/paths.h"

#include <gtest/gtest.h>

namespace sluice::kube {
namespace {

const Resource kPods{"", "v1", "pods", "Pod"};
const Resource kDeployments{"apps", "v1", "deployments", "Deployment"};
const Resource kNodes{"", "v1", "nodes", "Node", false};

TEST(Paths, OfCollections) {
  EXPECT_EQ(collection_path(kPods, "ml"), "/api/v1/namespaces/ml/pods");
  EXPECT_EQ(collection_path(kPods, ""), "/api/v1/pods");
  EXPECT_EQ(collection_path(kDeployments, "ml"), "/apis/apps/v1/namespaces/ml/deployments");
  EXPECT_EQ(collection_path(kNodes, ""), "/api/v1/nodes");
  EXPECT_EQ(collection_path(kNodes, "ignored"), "/api/v1/nodes");
}

TEST(Paths, OfObjects) {
  EXPECT_EQ(object_path(kPods, {"ml", "a"}), "/api/v1/namespaces/ml/pods/a");
  EXPECT_EQ(object_path(kDeployments, {"ml", "a"}, "status"),
            "/apis/apps/v1/namespaces/ml/deployments/a/status");
  EXPECT_EQ(object_path(kNodes, {"", "n"}), "/api/v1/nodes/n");
}

TEST(Paths, NamesCannotLeadElsewhere) {
  EXPECT_EQ(object_path(kPods, {"a/../b", "x?y#z"}), "/api/v1/namespaces/a%2F..%2Fb/pods/x%3Fy%23z");
}

TEST(Query, EncodesValuesAndLeavesOutEmptyOnes) {
  EXPECT_EQ(Query().str(), "");
  EXPECT_EQ(Query().add("a", "").add("labelSelector", "x=y,z in (1,2)").add("limit", "5").str(),
            "?labelSelector=x%3Dy%2Cz%20in%20%281%2C2%29&limit=5");
}

}  // namespace
}  // namespace sluice::kube
