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
{{- else if or .Values.clusterWatchSelector .Values.namespaces -}}
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

{{- /* Values of a release before (`--reuse-values`) hold no new name: where one is missing, its default holds. */ -}}
{{- define "operator.replicas" -}}
{{- if kindIs "invalid" .Values.replicaCount }}2{{ else }}{{ int .Values.replicaCount }}{{ end -}}
{{- end -}}

{{- /* The seconds of a duration such as 1h30m. */ -}}
{{- define "operator.seconds" -}}
{{- $seconds := 0 -}}
{{- range regexFindAll "[0-9]+[smh]" . -1 -}}
{{- $unit := get (dict "s" 1 "m" 60 "h" 3600) (regexFind "[smh]" .) -}}
{{- $seconds = add $seconds (mul (regexFind "[0-9]+" . | atoi) $unit) -}}
{{- end -}}
{{- $seconds -}}
{{- end -}}

{{- define "operator.strategy" -}}
{{- if .Values.strategy -}}
{{- toYaml .Values.strategy -}}
{{- else if .Values.leaderElection.enabled -}}
type: RollingUpdate
rollingUpdate: {maxUnavailable: 1, maxSurge: 0}
{{- else -}}
# Two would write at the same time.
type: Recreate
{{- end -}}
{{- end -}}

{{- /* `--reuse-values` brings old names along with their old defaults. Another value was meant, and must not be lost. */ -}}
{{- define "operator.renamed" -}}
{{- $root := . -}}
{{- range list
  (list "replicas" "2" "replicaCount")
  (list "watchSelector" "\"\"" "clusterWatchSelector")
  (list "rbac.aggregate" "null" "rbac.aggregateToDefaultRoles")
  (list "prometheusRule.approvalSeconds" "3600" "prometheusRule.approvalTimeout, a duration such as 1h,")
-}}
{{- $place := $root.Values -}}
{{- $path := splitList "." (index . 0) -}}
{{- range initial $path }}{{ $place = get $place . | default dict }}{{ end -}}
{{- if and (hasKey $place (last $path)) (ne (get $place (last $path) | toJson) (index . 1)) -}}
{{- fail (printf "%s has a new name. Set %s instead, and remove %s" (index . 0) (index . 2) (index . 0)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "operator.validate" -}}
{{- include "operator.renamed" . -}}
{{- if and (not .Values.leaderElection.enabled) (gt (include "operator.replicas" . | int) 1) -}}
{{- fail "replicaCount: without leaderElection.enabled there may be one replica only: set replicaCount=1, or leave the election on" -}}
{{- end -}}
{{- if and (not .Values.leaderElection.enabled) (eq (dig "type" "Recreate" (.Values.strategy | default dict)) "RollingUpdate") -}}
{{- fail "strategy: without leaderElection.enabled only strategy.type=Recreate keeps two replicas from writing at the same time" -}}
{{- end -}}
{{- if and .Values.caBundle.configMap .Values.caBundle.secret -}}
{{- fail "caBundle: name a configMap or a secret, not both" -}}
{{- end -}}
{{- if and (hasPrefix "http://" .Values.api.url) (not .Values.api.allowHttp) -}}
{{- fail "api.url: write an https:// address, or set api.allowHttp=true for a simulator" -}}
{{- end -}}
{{- end -}}
