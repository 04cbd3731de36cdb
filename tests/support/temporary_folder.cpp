#include "support/temporary_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace sluice::test {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "sluice-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  root_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

std::string TemporaryFolder::path(const std::string& name) const {
  return name.empty() ? root_.string() : (root_ / name).string();
}

std::string TemporaryFolder::write(const std::string& name, std::string_view contents) const {
  const std::filesystem::path target = root_ / name;
  std::filesystem::create_directories(target.parent_path());
  const std::string draft = target.string() + ".new";
  std::ofstream(draft, std::ios::binary) << contents;
  std::filesystem::rename(draft, target);
  return target.string();
}

std::string TemporaryFolder::write_program(const std::string& name, std::string_view contents) const {
  const std::string target = write(name, contents);
  std::filesystem::permissions(target, std::filesystem::perms::owner_all);
  return target;
}

}  // namespace sluice::test
