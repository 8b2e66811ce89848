{{- define "operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "operator.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "operator.selector" -}}
app.kubernetes.io/name: {{ include "operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The pod of `helm test` must not be taken for a replica. */ -}}
{{- define "operator.testSelector" -}}
app.kubernetes.io/name: {{ include "operator.name" . | trunc 58 | trimSuffix "-" }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "operator.labels" -}}
{{- $own := fromYaml (include "operator.selector" .) -}}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63) -}}
{{- merge $own .Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "operator.image" -}}
{{- $image := printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- if .Values.image.digest -}}
{{- $image = printf "%s@%s" $image .Values.image.digest -}}
{{- end -}}
{{- $image -}}
{{- end -}}

{{- /* A release that looks after a part of the watches must not share its Lease with one that looks after another part. */ -}}
{{- define "operator.leaseName" -}}
{{- if .Values.leaderElection.leaseName -}}
{{- .Values.leaderElection.leaseName -}}
{{- else if or .Values.watchSelector .Values.namespaces -}}
{{- include "operator.fullname" . -}}
{{- else -}}
{{- .Chart.Name -}}
{{- end -}}
{{- end -}}

{{- /* What a cluster has once goes with the definitions, unless it is told otherwise. Call with (list switch root). */ -}}
{{- define "operator.once" -}}
{{- $switch := index . 0 -}}
{{- $root := index . 1 -}}
{{- if kindIs "invalid" $switch }}{{ ternary "true" "" $root.Values.crds.enabled }}{{ else }}{{ ternary "true" "" $switch }}{{ end -}}
{{- end -}}

{{- /* The rights in the namespaces that it watches: those of a Role as of a ClusterRole. */ -}}
{{- define "operator.rules" -}}
- apiGroups: [compute.together.ai]
  resources: [clusterwatches]
  verbs: [get, list, watch]
- apiGroups: [compute.together.ai]
  resources: [clusterwatches/status]
  verbs: [update]
- apiGroups: [compute.together.ai]
  resources: [remediations]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [compute.together.ai]
  resources: [remediations/status]
  verbs: [update]
- apiGroups: [""]
  resources: [secrets]
  {{- with .Values.rbac.secretNames }}
  resourceNames: {{ toJson . }}
  {{- end }}
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "operator.validate" -}}
{{- if and (not .Values.leaderElection.enabled) (gt (int .Values.replicas) 1) -}}
{{- fail "replicas: without leaderElection.enabled there may be one replica only: set replicas=1, or leave the election on" -}}
{{- end -}}
{{- if and .Values.caBundle.configMap .Values.caBundle.secret -}}
{{- fail "caBundle: name a configMap or a secret, not both" -}}
{{- end -}}
{{- if and (hasPrefix "http://" .Values.api.url) (not .Values.api.allowHttp) -}}
{{- fail "api.url: write an https:// address, or set api.allowHttp=true for a simulator" -}}
{{- end -}}
{{- end -}}
