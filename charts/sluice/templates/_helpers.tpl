{{- define "sluice.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* The Deployment and the Lease of a shard: (list $ index). One shard alone has the name of all. */}}
{{- define "sluice.shardName" -}}
{{- $root := index . 0 -}}
{{- $shards := int $root.Values.shards -}}
{{ include "sluice.name" $root }}{{ if gt $shards 1 }}-{{ index . 1 }}-of-{{ $shards }}{{ end }}
{{- end }}

{{- define "sluice.selector" -}}
app.kubernetes.io/name: sluice
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sluice.labels" -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* What the operator does, kind by kind. The same for a ClusterRole and for a Role. */}}
{{- define "sluice.rules" -}}
- apiGroups: [sluice.dev]
  resources: [rollouts]
  verbs: [get, list, watch]
- apiGroups: [sluice.dev]
  resources: [rollouts/status]
  verbs: [get, update, patch]
# Owner references with blockOwnerDeletion need it.
- apiGroups: [sluice.dev]
  resources: [rollouts/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
# To say why a revision does not become ready, and when it can be sent to.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
# System tests and load tests: their Jobs, and what a test that has ended has said.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
# Load tests: the script for Locust, and the reports. None is listed: only those named like a test are read.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, create, patch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
