# The Deployments as the chart would render them, as far as the doctor looks at them.
deployment() { # NAME COMPONENT ACCOUNT ARGS
  cat <<EOF
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: $1
  labels: {app.kubernetes.io/name: akv2k8s, app.kubernetes.io/instance: akv2k8s, app.kubernetes.io/component: $2}
spec:
  selector: {matchLabels: &labels {app.kubernetes.io/name: akv2k8s, app.kubernetes.io/component: $2}}
  template:
    metadata: {labels: *labels}
    spec:
      serviceAccountName: $3
      containers:
      - {name: main, image: "akv2k8s/akv2k8s:0.1.0", args: $4}
EOF
}
{
  deployment akv2k8s-controller akv2k8s-controller "$CONTROLLER" '[controller, --watch-all-namespaces=true]'
  deployment akv2k8s-envinjector akv2k8s-webhook "$WEBHOOK" "[webhook, --watch-all-namespaces=true,
    --env-image=akv2k8s/azure-keyvault-env:0.1.0, --namespace-label=azure-key-vault-env-injection=$HOME_NS,
    --mutating-configuration=$HOOK, --validating-configuration=$HOOK]"
} | kubectl apply -n "$HOME_NS" -f -
# No kubelet is here to say so.
until [ "$(kubectl get pods -n "$HOME_NS" -o name | wc -l)" = 2 ]; do :; done
ready='{"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}'
for pod in $(kubectl get pods -n "$HOME_NS" -o name); do
  kubectl patch -n "$HOME_NS" "$pod" --subresource=status --type=merge -p "$ready"
done
kubectl wait -n "$HOME_NS" --for=condition=Available --timeout=60s deployment --all
