{{- /* A Job of our own image before an install or an upgrade, with its account and roles. Of {root, role, suffix, args, resources}. A failed Job stays, for its log. */}}
{{- define "akv2k8s.hook" -}}
{{- $root := .root -}}
{{- $name := printf "%s-%s" (include "akv2k8s.fullname" $root) .suffix | trunc 63 -}}
{{- $labels := include "akv2k8s.labels" (dict "root" $root "component" $name) -}}
{{- $hook := dict "helm.sh/hook" "pre-install,pre-upgrade" "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded" -}}
{{- $first := merge (dict "helm.sh/hook-weight" "-10") $hook -}}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- $labels | nindent 4 }}
  annotations:
    {{- toYaml $first | nindent 4 }}
{{- if $root.Values.global.rbac.create }}
{{- $part := dict "role" .role "name" $name "account" $name "component" $name }}
{{ include "akv2k8s.roles" (dict "root" $root "part" $part "binding" $name "annotations" $first) }}
{{- end }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- $labels | nindent 4 }}
  annotations:
    {{- toYaml $hook | nindent 4 }}
spec:
  backoffLimit: 3
  template:
    metadata:
      labels:
        {{- $labels | nindent 8 }}
        spv.no/inject: disabled
    spec:
      serviceAccountName: {{ $name }}
      {{- include "akv2k8s.once" (dict "root" $root "name" .suffix "args" .args "resources" .resources) | nindent 6 }}
{{- end }}

{{- /* The spec of a pod that runs our own image once. Of {root, name, args, resources}. */}}
{{- define "akv2k8s.once" -}}
{{- $values := .root.Values -}}
{{- $image := ternary $values.controller.image $values.env_injector.image $values.controller.enabled -}}
restartPolicy: Never
{{- with $image.pullSecret }}
imagePullSecrets: [{name: {{ . }}}]
{{- end }}
nodeSelector: {kubernetes.io/os: linux}
securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
containers:
- name: {{ .name }}
  image: {{ include "akv2k8s.image" (dict "root" .root "image" $image) | quote }}
  imagePullPolicy: {{ $image.pullPolicy }}
  args:
  {{- toYaml .args | nindent 2 }}
  resources:
    {{- toYaml .resources | nindent 4 }}
  securityContext:
    {{- include "akv2k8s.containerSecurity" dict | nindent 4 }}
{{- end }}
