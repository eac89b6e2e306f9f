{{- /* The arguments of one part, one a line. With allInOne, of both: what both have is the webhook's. */}}
{{- define "akv2k8s.args" -}}
{{- $v := .root.Values -}}
{{- $c := index $v .part.key -}}
{{ .part.command }}
--auth-type={{ include "akv2k8s.auth" . }}
{{- if include "akv2k8s.cloudConfig" . }}
--cloudconfig={{ ternary "/etc/akv2k8s/cloud/azure.json" $v.cloudConfig $v.global.userDefinedMSI.enabled }}
{{- end }}
--http-address={{ $c.httpAddress }}
--http-port={{ .part.http }}
--metrics-enabled={{ include "akv2k8s.pick" (list .root .part.key "metrics.enabled") }}
--log-level={{ include "akv2k8s.pick" (list .root .part.key "logLevel") }}
--logging-format={{ include "akv2k8s.pick" (list .root .part.key "logFormat") }}
--watch-all-namespaces={{ $v.watchAllNamespaces }}
{{- if $v.vaultAccess }}
--vault-access-policy=/etc/akv2k8s/policy/policy.yaml
{{- end }}
{{- if $v.pluginVolume }}
--plugin-dir=/plugins
{{- end }}
{{- if ne .part.command "webhook" }}
{{ include "akv2k8s.args.controller" . }}
{{- end }}
{{- if ne .part.command "controller" }}
{{ include "akv2k8s.args.webhook" . }}
{{- end }}
{{- end }}

{{- define "akv2k8s.args.controller" -}}
{{- $v := .root.Values -}}
--runtime-namespace=$(POD_NAMESPACE)
--azure-resync-period={{ $v.azureKeyVaultResyncPeriod }}
--kube-resync-period={{ $v.kubeResyncPeriod }}
--concurrency={{ $v.controller.concurrency }}
--lease-name={{ $v.controller.leaseName }}
{{- with $v.controller.objectLabels }}
--object-labels={{ . }}
{{- end }}
{{- end }}

{{- define "akv2k8s.args.webhook" -}}
{{- $v := .root.Values -}}
{{- $w := $v.env_injector -}}
{{- $name := printf "%s-envinjector" (include "akv2k8s.fullname" .root) | trunc 63 -}}
{{- $security := $w.initContainer.securityContext -}}
--pod-namespace=$(POD_NAMESPACE)
--service-name={{ $name }}
--tls-port={{ $w.service.internalTlsPort }}
--mtls-port={{ $w.service.internalMtlsPort }}
--mtls-port-external={{ $w.service.externalMtlsPort }}
--use-auth-service={{ $w.authService }}
--env-image={{ include "akv2k8s.image" (dict "root" .root "image" $w.envImage) }}
--pull-policy={{ $w.envImage.pullPolicy }}
--exec-dir={{ $w.execDir }}
--pod-log-level={{ $w.podLogLevel }}
--requests-cpu={{ $w.initContainer.requests.cpu }}
--requests-memory={{ $w.initContainer.requests.memory }}
--limits-memory={{ $w.initContainer.limits.memory }}
--read-only={{ $security.readOnlyRootFilesystem }}
--non-root={{ $security.runAsNonRoot }}
--privileged={{ $security.privileged }}
--allow-privilege-escalation={{ $security.allowPrivilegeEscalation }}
--seccomp={{ $security.seccompRuntimeDefault }}
{{- if not (kindIs "invalid" $security.runAsUser) }}
--user-uid={{ $security.runAsUser | int64 }}
{{- end }}
{{- if not (kindIs "invalid" $security.runAsGroup) }}
--group-gid={{ $security.runAsGroup | int64 }}
{{- end }}
--image-inspection-timeout={{ min 12 $w.dockerImageInspection.timeout }}
--registries={{ join "," $w.registries.allowed }}
{{- range $flag, $list := dict "registry-allowed-networks" $w.registries.allowedNetworks "registry-refused-networks" $w.registries.refusedNetworks "registry-insecure" $w.registries.insecure "registry-mirrors" $w.registries.mirrors "broker-namespaces" $w.brokerNamespaces }}
{{- with $list }}
--{{ $flag }}={{ join "," . }}
{{- end }}
{{- end }}
--uninjectable-pods={{ $w.uninjectablePods }}
--namespace-label={{ $w.namespaceLabelSelector.label.name }}={{ $w.namespaceLabelSelector.label.value }}
--start-window={{ $w.startWindow }}
--vault-reads-per-second={{ $w.vaultReadsPerSecond | int64 }}
--connections-per-address={{ $w.connectionsPerAddress | int64 }}
--authority-secret={{ $w.authoritySecret | default (printf "%s-authority" $name) }}
--mutating-configuration={{ $name }}
--validating-configuration={{ $name }}
{{- if $w.certificate.useCertManager }}
--tls-cert-dir=/etc/akv2k8s/serving
{{- end }}
{{- if $w.certificate.podCaSecret }}
--ca-cert-dir=/etc/akv2k8s/pod-root
{{- end }}
{{- if $v.legacyPods.enabled }}
--legacy-ca-dir=/etc/akv2k8s/legacy-ca
{{- end }}
{{- with $v.global.proxy.https }}
--pod-https-proxy={{ . }}
{{- with $v.global.proxy.noProxy }}
--pod-no-proxy={{ . }}
{{- end }}
{{- end }}
{{- if $v.global.trustedCA.configMap }}
--registry-ca-file=/etc/akv2k8s/trusted/{{ $v.global.trustedCA.key }}
--pod-ca-file=/etc/akv2k8s/trusted/{{ $v.global.trustedCA.key }}
{{- end }}
{{- end }}
