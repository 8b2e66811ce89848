{{- /* Every template begins with this. A values map may lack what is new: `--reuse-values` brings the map of an older chart
along, and a user may set a map to null, which Helm 4 leaves in place. */ -}}
{{- define "together-remediation-operator.values" -}}
{{- include "together-remediation-operator.prune" (omit .Values "global") -}}
{{- range $key, $value := .Values -}}
{{- if kindIs "invalid" $value }}{{ $_ := unset $.Values $key }}{{ end -}}
{{- end -}}
{{- include "together-remediation-operator.fill" (list .Values (.Files.Get "files/values.yaml" | fromYaml)) -}}
{{- end -}}

{{- /* Takes away what is null, as Helm 3 does. The API server reads some nulls as zero: a limit, for one. */ -}}
{{- define "together-remediation-operator.prune" -}}
{{- $place := . -}}
{{- if kindIs "map" $place -}}
{{- range $key, $value := $place -}}
{{- if kindIs "invalid" $value }}{{ $_ := unset $place $key }}{{ else }}{{ include "together-remediation-operator.prune" $value }}{{ end -}}
{{- end -}}
{{- else if kindIs "slice" $place -}}
{{- range $place }}{{ include "together-remediation-operator.prune" . }}{{ end -}}
{{- end -}}
{{- end -}}

{{- /* Sets what is missing to its default. Not below a map whose keys are Kubernetes's or the user's own: to set that to null
is how its defaults are taken away. Call with (list values defaults). */ -}}
{{- define "together-remediation-operator.fill" -}}
{{- $values := index . 0 -}}
{{- range $key, $default := index . 1 -}}
{{- $filled := and (kindIs "map" $default) (not (has $key (list "resources" "podSecurityContext" "securityContext" "labels"))) -}}
{{- if not (hasKey $values $key) -}}
{{- $_ := set $values $key (ternary dict $default (kindIs "map" $default)) -}}
{{- end -}}
{{- if $filled }}{{ include "together-remediation-operator.fill" (list (get $values $key) $default) }}{{ end -}}
{{- end -}}
{{- end -}}

{{- /* JSON in which numbers and booleans are strings, because `--set a=2` gives a number where Kubernetes expects a string.
Call with (list value keys): the values of these keys stay as they are. */ -}}
{{- define "together-remediation-operator.strings" -}}
{{- $value := index . 0 -}}
{{- $other := index . 1 -}}
{{- if kindIs "map" $value -}}
{{- $pairs := list -}}
{{- range $key, $below := $value -}}
{{- $below = ternary (toJson $below) (include "together-remediation-operator.strings" (list $below $other)) (has $key $other) -}}
{{- $pairs = append $pairs (printf "%s:%s" (toJson $key) $below) -}}
{{- end -}}
{{- printf "{%s}" (join "," $pairs) -}}
{{- else if kindIs "slice" $value -}}
{{- $items := list -}}
{{- range $value }}{{ $items = append $items (include "together-remediation-operator.strings" (list . $other)) }}{{ end -}}
{{- printf "[%s]" (join "," $items) -}}
{{- else if or (typeIs "string" $value) (kindIs "invalid" $value) -}}
{{- toJson $value -}}
{{- else -}}
{{- toJson $value | quote -}}
{{- end -}}
{{- end -}}

{{- /* A security context: the user, groups and switches are none of its strings. */ -}}
{{- define "together-remediation-operator.securityContext" -}}
{{- $strings := pick . "appArmorProfile" "capabilities" "seLinuxOptions" "seccompProfile" "sysctls" -}}
{{- merge (include "together-remediation-operator.strings" (list $strings list) | fromJson) . | toYaml -}}
{{- end -}}

{{- define "together-remediation-operator.tolerations" -}}
{{- include "together-remediation-operator.strings" (list . (list "tolerationSeconds")) | fromJsonArray | toYaml -}}
{{- end -}}

{{- /* A name that is a DNS label: an alias in a parent chart may be gpuOperator, and a release my.release. */ -}}
{{- define "together-remediation-operator.dnsLabel" -}}
{{- regexReplaceAll "[^a-z0-9-]+" (lower .) "-" | trunc 63 | trimAll "-" -}}
{{- end -}}

{{- define "together-remediation-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- include "together-remediation-operator.dnsLabel" .Values.fullnameOverride -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- include "together-remediation-operator.dnsLabel" (ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name)) -}}
{{- end -}}
{{- end -}}

{{- /* A Service's name begins with a letter. */ -}}
{{- define "together-remediation-operator.service" -}}
{{- regexReplaceAll "^([0-9])" (include "together-remediation-operator.fullname" .) "svc-${1}" | trunc 63 | trimAll "-" -}}
{{- end -}}

{{- /* What selects pods and the Service: a label that nothing else writes. app.kubernetes.io/instance is no such label, for
Argo CD may track an application's objects by it. */ -}}
{{- define "together-remediation-operator.selector" -}}
compute.together.ai/operator: {{ include "together-remediation-operator.fullname" . | quote }}
{{- end -}}

{{- define "together-remediation-operator.testName" -}}
{{- printf "%s-test" (include "together-remediation-operator.fullname" . | trunc 58 | trimAll "-") -}}
{{- end -}}

{{- /* The pod of `helm test` must not be taken for a replica. */ -}}
{{- define "together-remediation-operator.testSelector" -}}
compute.together.ai/operator: {{ include "together-remediation-operator.testName" . | quote }}
{{- end -}}

{{- /* The value of a label. An alias may begin or end with what a value may not, and a version may name its build after a +. */ -}}
{{- define "together-remediation-operator.labelValue" -}}
{{- regexReplaceAll "[^A-Za-z0-9_.-]+" . "_" | trunc 63 | trimAll "-_." -}}
{{- end -}}

{{- define "together-remediation-operator.labels" -}}
{{- $own := fromYaml (include "together-remediation-operator.selector" .) -}}
{{- $_ := set $own "app.kubernetes.io/name" (default "together-remediation-operator" .Values.nameOverride) -}}
{{- $_ := set $own "app.kubernetes.io/instance" .Release.Name -}}
{{- $_ := set $own "app.kubernetes.io/version" (include "together-remediation-operator.labelValue" .Chart.AppVersion) -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (include "together-remediation-operator.labelValue" (printf "%s-%s" .Chart.Name .Chart.Version)) -}}
{{- merge $own .Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "together-remediation-operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "together-remediation-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "together-remediation-operator.image" -}}
{{- $image := printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- if .Values.image.digest -}}
{{- $image = printf "%s@%s" $image .Values.image.digest -}}
{{- end -}}
{{- $image -}}
{{- end -}}

{{- /* A release that looks after a part of the watches must not share its Lease with one that looks after another part. */ -}}
{{- define "together-remediation-operator.leaseName" -}}
{{- if .Values.leaderElection.leaseName -}}
{{- .Values.leaderElection.leaseName -}}
{{- else if or .Values.clusterWatchSelector .Values.namespaces -}}
{{- include "together-remediation-operator.fullname" . -}}
{{- else -}}
together-remediation-operator
{{- end -}}
{{- end -}}

{{- /* What a cluster has once goes with the definitions, unless it is told otherwise. Call with (list switch root). */ -}}
{{- define "together-remediation-operator.once" -}}
{{- $switch := index . 0 -}}
{{- $root := index . 1 -}}
{{- if kindIs "invalid" $switch }}{{ ternary "true" "" $root.Values.crds.enabled }}{{ else }}{{ ternary "true" "" $switch }}{{ end -}}
{{- end -}}

{{- /* The rights in the namespaces that it watches: those of a Role as of a ClusterRole. */ -}}
{{- define "together-remediation-operator.rules" -}}
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

{{- /* The seconds of a duration such as 1h30m. */ -}}
{{- define "together-remediation-operator.seconds" -}}
{{- $seconds := 0 -}}
{{- range regexFindAll "[0-9]+[smh]" . -1 -}}
{{- $unit := get (dict "s" 1 "m" 60 "h" 3600) (regexFind "[smh]" .) -}}
{{- $seconds = add $seconds (mul (regexFind "[0-9]+" . | atoi) $unit) -}}
{{- end -}}
{{- $seconds -}}
{{- end -}}

{{- /* Where it may call: egressPorts, and the ports of the addresses that other values name. */ -}}
{{- define "together-remediation-operator.egressPorts" -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.egressPorts }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- range compact (list .Values.api.url .Values.proxy.httpsProxy) -}}
{{- $url := trim . -}}
{{- $scheme := regexFind "^[A-Za-z0-9]+://" $url -}}
{{- $host := trimPrefix $scheme $url | regexFind "^[^/?#]*" | regexFind "[^@]*$" -}}
{{- $default := get (dict "https://" 443 "socks5://" 1080 "socks5h://" 1080) (lower $scheme) | default 80 -}}
{{- $port := regexFind ":[0-9]+$" $host | trimPrefix ":" | default $default -}}
{{- $ports = append $ports (int $port) -}}
{{- end -}}
{{- uniq $ports | toJson -}}
{{- end -}}

{{- define "together-remediation-operator.strategy" -}}
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
{{- define "together-remediation-operator.renamed" -}}
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
{{- fail (printf "%s was renamed. Set %s instead, and remove %s" (index . 0) (index . 2) (index . 0)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Whether the program takes it. The schema leaves it alone, because its message would show a password. */ -}}
{{- define "together-remediation-operator.isProxy" -}}
{{- $form := `^(?i:(https?|socks5h?)://)?([^/?#\\]*@)?([^\s/?#@:\[\]\\]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?/?$` -}}
{{- $port := trimSuffix "/" . | regexFind ":[0-9]+$" | trimPrefix ":" -}}
{{- if and (regexMatch $form .) (lt (int $port) 65536) }}true{{ end -}}
{{- end -}}

{{- define "together-remediation-operator.validate" -}}
{{- include "together-remediation-operator.renamed" . -}}
{{- $proxy := trim .Values.proxy.httpsProxy -}}
{{- if and $proxy (not (include "together-remediation-operator.isProxy" $proxy)) -}}
{{- fail "proxy.httpsProxy is not a valid proxy URL. Use http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT. A user name and password (USER:PASSWORD@ before the host) must be percent-encoded" -}}
{{- end -}}
{{- if and (not .Values.leaderElection.enabled) (gt (int .Values.replicaCount) 1) -}}
{{- fail "replicaCount: more than one replica requires leaderElection.enabled. Set replicaCount=1, or enable leader election" -}}
{{- end -}}
{{- if and (not .Values.leaderElection.enabled) (eq (dig "type" "Recreate" .Values.strategy) "RollingUpdate") -}}
{{- fail "strategy: without leaderElection.enabled, two replicas could write at the same time. Set strategy.type=Recreate" -}}
{{- end -}}
{{- if and .Values.caBundle.configMap .Values.caBundle.secret -}}
{{- fail "caBundle: configMap and secret are mutually exclusive. Set only one" -}}
{{- end -}}
{{- if and (hasPrefix "http://" .Values.api.url) (not .Values.api.allowHttp) -}}
{{- fail "api.url: http:// is not allowed. Use https://, or set api.allowHttp=true for a simulator" -}}
{{- end -}}
{{- end -}}
