module sluice.dev/tests/cluster/tools/gateway-api

// Only the CRDs of this module are used, so no package imports it: `go mod tidy` would remove it.
go 1.25.0

require sigs.k8s.io/gateway-api v1.6.1
