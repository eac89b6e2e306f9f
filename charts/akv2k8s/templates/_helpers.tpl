{{- define "akv2k8s.fullname" -}}
{{- $chart := .Values.nameOverride | default .Chart.Name -}}
{{- $release := ternary .Release.Name (printf "%s-%s" .Release.Name $chart) (contains $chart .Release.Name) -}}
{{- .Values.fullnameOverride | default $release | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* The parts that are installed, as JSON. With allInOne the pods are the webhook's, and the controller's Service and roles lead there. */}}
{{- define "akv2k8s.parts" -}}
{{- $full := include "akv2k8s.fullname" . -}}
{{- $v := .Values -}}
{{- $controller := dict "key" "controller" "role" "controller" "command" "controller" "container" $v.controller.name "name" (printf "%s-controller" $full | trunc 63) "component" (printf "%s-controller" $full) "http" $v.controller.service.internalHttpPort "deployed" (not $v.allInOne) -}}
{{- $webhook := dict "key" "env_injector" "role" "webhook" "command" (ternary "run" "webhook" $v.allInOne) "container" "webhook" "name" (printf "%s-envinjector" $full | trunc 63) "component" (printf "%s-webhook" $full) "http" $v.env_injector.service.internalHttpPort "deployed" true -}}
{{- range list $controller $webhook -}}
{{- $account := (index $v .key).serviceAccount -}}
{{- $_ := set . "account" ($account.name | default (ternary .name "default" $account.create)) -}}
{{- end -}}
{{- if $v.allInOne -}}
{{- $_ := merge (set $controller "component" $webhook.component) (dict) -}}
{{- $_ := set $controller "account" $webhook.account -}}
{{- end -}}
{{- $parts := list -}}
{{- if $v.controller.enabled }}{{ $parts = append $parts $controller }}{{ end -}}
{{- if $v.env_injector.enabled }}{{ $parts = append $parts $webhook }}{{ end -}}
{{- toJson $parts -}}
{{- end }}

{{- define "akv2k8s.selector" -}}
app.kubernetes.io/name: {{ .root.Values.name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "akv2k8s.labels" -}}
{{ include "akv2k8s.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* A part's value, or the global one where the part has none; `false` is a value. Of (root, part, path). */}}
{{- define "akv2k8s.pick" -}}
{{- $own := index (index . 0).Values (index . 1) -}}
{{- $global := (index . 0).Values.global -}}
{{- range splitList "." (index . 2) -}}
{{- if kindIs "map" $own }}{{ $own = index $own . }}{{ end -}}
{{- $global = index $global . -}}
{{- end -}}
{{- $picked := ternary $global $own (kindIs "invalid" $own) -}}
{{- if kindIs "string" $picked }}{{ $picked }}{{ else }}{{ toJson $picked }}{{ end -}}
{{- end }}

{{- /* How a part gets a token. */}}
{{- define "akv2k8s.auth" -}}
{{- $identity := include "akv2k8s.pick" (list .root .part.key "workloadIdentity.enabled") -}}
{{- include "akv2k8s.pick" (list .root .part.key "keyVaultAuth") | default (ternary "environment-azidentity" "azureCloudConfig" (eq $identity "true")) -}}
{{- end }}

{{- /* Where a part's cloud config comes from: host, configMap, or nowhere. */}}
{{- define "akv2k8s.cloudConfig" -}}
{{- $asks := or (ne .part.command "webhook") .root.Values.env_injector.authService -}}
{{- if and $asks (eq (include "akv2k8s.auth" .) "azureCloudConfig") -}}
{{- ternary "configMap" "host" .root.Values.global.userDefinedMSI.enabled -}}
{{- end -}}
{{- end }}

{{- define "akv2k8s.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "akv2k8s.rbac" -}}
{{- include "akv2k8s.pick" (list .root .part.key "rbac.create") -}}
{{- end }}
