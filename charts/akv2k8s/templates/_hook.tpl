{{- /* A Job of our own image before an install or an upgrade, with its account and roles. Of {root, role, suffix, args, resources}. A failed Job stays, for its log. */}}
{{- define "akv2k8s.hook" -}}
{{- $root := .root -}}
{{- $name := printf "%s-%s" (include "akv2k8s.fullname" $root) .suffix | trunc 63 -}}
{{- $labels := include "akv2k8s.labels" (dict "root" $root "component" $name) -}}
{{- $image := ternary $root.Values.controller.image $root.Values.env_injector.image $root.Values.controller.enabled -}}
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
      restartPolicy: Never
      serviceAccountName: {{ $name }}
      {{- with $image.pullSecret }}
      imagePullSecrets: [{name: {{ . }}}]
      {{- end }}
      nodeSelector: {kubernetes.io/os: linux}
      securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: {{ .suffix }}
        image: {{ include "akv2k8s.image" (dict "root" $root "image" $image) | quote }}
        imagePullPolicy: {{ $image.pullPolicy }}
        args:
        {{- toYaml .args | nindent 8 }}
        resources:
          {{- toYaml .resources | nindent 10 }}
        securityContext:
          {{- include "akv2k8s.containerSecurity" dict | nindent 10 }}
{{- end }}
