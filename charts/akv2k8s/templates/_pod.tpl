{{- /* What is mounted, as a JSON list of {name, path, file?, source}. */}}
{{- define "akv2k8s.mounts" -}}
{{- $v := .root.Values -}}
{{- $mounts := list -}}
{{- $cloud := include "akv2k8s.cloudConfig" . -}}
{{- if eq $cloud "host" -}}
{{- $mounts = append $mounts (dict "name" "cloud-config" "path" $v.cloudConfig "source" (dict "hostPath" (dict "path" $v.cloudConfig "type" "File"))) -}}
{{- else if eq $cloud "configMap" -}}
{{- $mounts = append $mounts (dict "name" "cloud-config" "path" "/etc/akv2k8s/cloud" "source" (dict "configMap" (dict "name" (printf "%s-azureconfig" $v.name)))) -}}
{{- end -}}
{{- if $v.vaultAccess -}}
{{- $mounts = append $mounts (dict "name" "policy" "path" "/etc/akv2k8s/policy" "source" (dict "configMap" (dict "name" (printf "%s-policy" (include "akv2k8s.fullname" .root))))) -}}
{{- end -}}
{{- with $v.global.trustedCA.configMap -}}
{{- $mounts = append $mounts (dict "name" "trusted-ca" "path" "/etc/akv2k8s/trusted" "source" (dict "configMap" (dict "name" .))) -}}
{{- end -}}
{{- with $v.pluginVolume -}}
{{- $mounts = append $mounts (dict "name" "plugins" "path" "/plugins" "source" .) -}}
{{- end -}}
{{- if ne .part.command "controller" -}}
{{- $secrets := dict -}}
{{- if $v.env_injector.certificate.useCertManager }}{{ $_ := set $secrets "serving" (printf "%s-tls" .part.name) }}{{ end -}}
{{- with $v.env_injector.certificate.podCaSecret }}{{ $_ := set $secrets "pod-root" . }}{{ end -}}
{{- if $v.legacyPods.enabled }}{{ $_ := set $secrets "legacy-ca" $v.legacyPods.caSecret }}{{ end -}}
{{- range $name, $secret := $secrets -}}
{{- $mounts = append $mounts (dict "name" $name "path" (printf "/etc/akv2k8s/%s" $name) "source" (dict "secret" (dict "secretName" $secret))) -}}
{{- end -}}
{{- end -}}
{{- toJson $mounts -}}
{{- end }}

{{- define "akv2k8s.env" -}}
{{- $g := .root.Values.global -}}
{{- $c := index .root.Values .part.key -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- range $name, $value := dict "HTTP_PROXY" $g.proxy.http "HTTPS_PROXY" $g.proxy.https "NO_PROXY" $g.proxy.noProxy }}
{{- with $value }}
- {name: {{ $name }}, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- if $g.trustedCA.configMap }}
# Both together are trusted: the image's public authorities and these.
- {name: SSL_CERT_DIR, value: /etc/ssl/certs}
- {name: SSL_CERT_FILE, value: {{ printf "/etc/akv2k8s/trusted/%s" $g.trustedCA.key | quote }}}
{{- end }}
{{- $full := include "akv2k8s.fullname" .root }}
{{- $own := ternary "controller-env" "envinjector-webhook-env" (eq .part.key "controller") }}
{{- range $secret, $env := dict (printf "%s-env" $full) $g.env (printf "%s-%s" $full $own) $c.env }}
{{- range $name, $_ := $env }}
- name: {{ $name }}
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ $name }}}}
{{- end }}
{{- end }}
{{- with $c.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* restricted, but for the node's cloud config file: that is root's. */}}
{{- define "akv2k8s.podSecurity" -}}
{{- $root := eq (include "akv2k8s.cloudConfig" .) "host" -}}
{{- $base := dict "runAsNonRoot" (not $root) "runAsUser" (ternary 0 65532 $root) "runAsGroup" (ternary 0 65532 $root) "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- mergeOverwrite $base (deepCopy ((index .root.Values .part.key).podSecurityContext | default dict)) | toYaml -}}
{{- end }}

{{- define "akv2k8s.containerSecurity" -}}
{{- $base := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- mergeOverwrite $base (deepCopy (. | default dict)) | toYaml -}}
{{- end }}

{{- define "akv2k8s.podLabels" -}}
{{ include "akv2k8s.labels" (dict "root" .root "component" .part.component) }}
# What serves the webhook does not wait for it.
spv.no/inject: disabled
{{- if eq (include "akv2k8s.pick" (list .root .part.key "workloadIdentity.enabled")) "true" }}
azure.workload.identity/use: "true"
{{- end }}
{{- with (index .root.Values .part.key).podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* A change of what is only read at the start rolls the pods. */}}
{{- define "akv2k8s.podAnnotations" -}}
{{- $v := .root.Values -}}
{{- $c := index $v .part.key -}}
checksum/config: {{ list $v.vaultAccess $v.global.env $c.env $v.global.userDefinedMSI | toJson | sha256sum }}
{{- with $c.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end }}
