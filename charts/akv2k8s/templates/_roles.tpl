{{- /* The rules of files/roles as roles, bound to an account. Of {root, part: {role, name, account, component}, binding, annotations}. */}}
{{- define "akv2k8s.roles" -}}
{{- $v := .root.Values -}}
{{- $names := printf "%s-envinjector" (include "akv2k8s.fullname" .root) -}}
{{- $authority := $v.env_injector.authoritySecret | default (printf "%s-authority" $names) -}}
{{- $text := .root.Files.Get (printf "files/roles/%s.yaml" .part.role) -}}
{{- $rules := $text | replace "akv2k8s-envinjector-authority" "AUTHORITY" | replace "akv2k8s-envinjector" $names | replace "AUTHORITY" $authority | replace "akv2k8s-legacy-ca" $v.legacyPods.caSecret | fromYaml -}}
{{- $wide := ternary (concat $rules.everywhere $rules.watched) $rules.everywhere $v.watchAllNamespaces -}}
{{- $near := ternary $rules.own (concat $rules.watched $rules.own) $v.watchAllNamespaces -}}
{{- include "akv2k8s.role" (merge (dict "prefix" "Cluster" "rules" $wide) .) -}}
{{- include "akv2k8s.role" (merge (dict "prefix" "" "rules" $near) .) -}}
{{- end }}

{{- define "akv2k8s.role" -}}
{{- if .rules }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .prefix }}Role
metadata:
  {{- include "akv2k8s.role.metadata" (merge (dict "name" .part.name) .) | nindent 2 }}
rules:
{{ toYaml .rules }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .prefix }}RoleBinding
metadata:
  {{- include "akv2k8s.role.metadata" (merge (dict "name" .binding) .) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .prefix }}Role
  name: {{ .part.name }}
subjects:
{{- if .subjects }}
{{ toYaml .subjects }}
{{- else }}
- {kind: ServiceAccount, name: {{ .part.account }}, namespace: {{ .root.Release.Namespace }}}
{{- end }}
{{- end }}
{{- end }}

{{- define "akv2k8s.role.metadata" -}}
name: {{ .name }}
{{- if not .prefix }}
namespace: {{ .root.Release.Namespace }}
{{- end }}
labels:
  {{- include "akv2k8s.labels" (dict "root" .root "component" .part.component) | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
