//! The broken installations: a script that breaks, what the doctor says of it, and a script that mends.

/// One of them.
pub struct Row {
    /// What is wrong, in the words of who did it.
    pub name: &'static str,
    pub harm: &'static str,
    pub heal: &'static str,
    pub topic: &'static str,
    pub state: &'static str,
    /// In what the doctor says is wrong.
    pub cause: &'static str,
    /// In what the doctor says is to be done, or in the command for it.
    pub fix: &'static str,
}

pub const ROWS: &[Row] = &[
    Row {
        name: "a definition was never put on the server",
        harm: "kubectl delete crd azurekeyvaultplugins.spv.no",
        // As the doctor says.
        heal: "akv2k8s crd apply",
        topic: "definitions",
        state: "failure",
        cause: "there is no CustomResourceDefinition azurekeyvaultplugins.spv.no",
        fix: "akv2k8s crd apply",
    },
    Row {
        name: "a definition is of an older version",
        harm: r#"kubectl patch crd azurekeyvaultplugins.spv.no --type=json -p '[{"op": "remove",
            "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/limits"}]'"#,
        heal: "akv2k8s crd apply",
        topic: "definitions",
        state: "failure",
        cause: "is older than this program: it lacks v1alpha1.spec.limits",
        fix: "akv2k8s crd apply",
    },
    Row {
        name: "objects may be stored in an old version",
        harm: r#"kubectl patch crd azurekeyvaultsecrets.spv.no --subresource=status --type=merge \
            -p '{"status": {"storedVersions": ["v1", "v2beta1"]}}'"#,
        heal: r#"kubectl patch crd azurekeyvaultsecrets.spv.no --subresource=status --type=merge \
            -p '{"status": {"storedVersions": ["v2beta1"]}}'"#,
        topic: "definitions",
        state: "warning",
        cause: "may still hold objects as v1",
        fix: "status.storedVersions",
    },
    Row {
        name: "the image of the controller cannot be pulled",
        harm: r#"pod=$(kubectl get pods -n $HOME_NS -l app.kubernetes.io/component=akv2k8s-controller -o name)
            kubectl patch -n $HOME_NS $pod --subresource=status --type=merge -p '{"status": {
              "conditions": [{"type": "Ready", "status": "False"}],
              "containerStatuses": [{"name": "main", "ready": false, "restartCount": 0, "image": "", "imageID": "",
                "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such tag"}}}]}}'"#,
        heal: r#"pod=$(kubectl get pods -n $HOME_NS -l app.kubernetes.io/component=akv2k8s-controller -o name)
            kubectl patch -n $HOME_NS $pod --subresource=status --type=merge -p '{"status": {
              "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": null}}'"#,
        topic: "deployments",
        state: "failure",
        cause: "says: ImagePullBackOff: no such tag",
        fix: "kubectl logs",
    },
    Row {
        name: "nobody runs",
        harm: "kubectl scale -n $HOME_NS deployment akv2k8s-controller --replicas=0",
        heal: r#"kubectl scale -n $HOME_NS deployment akv2k8s-controller --replicas=1
            until pod=$(kubectl get pods -n $HOME_NS -l app.kubernetes.io/component=akv2k8s-controller -o name | grep .); do :; done
            kubectl patch -n $HOME_NS $pod --subresource=status --type=merge \
              -p '{"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}'"#,
        topic: "deployments",
        state: "failure",
        cause: "akv2k8s-controller is scaled to 0",
        fix: "--replicas=1",
    },
    Row {
        name: "one part is of another version",
        harm: "kubectl set image -n $HOME_NS deployment/akv2k8s-envinjector main=akv2k8s/akv2k8s:0.0.9",
        heal: "kubectl set image -n $HOME_NS deployment/akv2k8s-envinjector main=akv2k8s/akv2k8s:0.1.0",
        topic: "images",
        state: "warning",
        cause: "akv2k8s-envinjector is 0.0.9",
        fix: "helm upgrade akv2k8s",
    },
    Row {
        name: "a role lacks a rule",
        harm: r#"kubectl patch clusterrole $WEBHOOK-$HOME_NS --type=json -p '[
            {"op": "test", "path": "/rules/2/resources/0", "value": "tokenreviews"}, {"op": "remove", "path": "/rules/2"}]'"#,
        heal: r#"kubectl patch clusterrole $WEBHOOK-$HOME_NS --type=json -p '[{"op": "add", "path": "/rules/2",
            "value": {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}}]'"#,
        topic: "roles",
        state: "failure",
        cause: "akv2k8s-webhook may not: create tokenreviews.authentication.k8s.io",
        fix: "kubectl auth can-i create tokenreviews.authentication.k8s.io",
    },
    Row {
        name: "the registration is gone",
        harm: "kubectl delete mutatingwebhookconfiguration $HOOK",
        heal: "kubectl apply --server-side --force-conflicts -f registrations.json",
        topic: "registration",
        state: "failure",
        cause: "no pod is injected: references stay text",
        fix: "helm upgrade akv2k8s",
    },
    Row {
        name: "the registration trusts another authority",
        harm: r#"kubectl patch clusterrole $WEBHOOK-$HOME_NS --type=json -p '[
              {"op": "test", "path": "/rules/3/verbs/3", "value": "patch"}, {"op": "remove", "path": "/rules/3/verbs/3"}]'
            lost patch mutatingwebhookconfigurations/$HOOK
            kubectl patch mutatingwebhookconfiguration $HOOK --type=json -p '[{"op": "replace",
              "path": "/webhooks/0/clientConfig/caBundle", "value": "'$(base64 -w0 foreign.pem)'"}]'"#,
        heal: r#"kubectl patch clusterrole $WEBHOOK-$HOME_NS --type=json -p '[
              {"op": "add", "path": "/rules/3/verbs/-", "value": "patch"}]'
            kubectl annotate mutatingwebhookconfiguration $HOOK touched=$RANDOM --overwrite"#,
        topic: "certificate",
        state: "failure",
        cause: "was not signed by an authority in the registration's caBundle",
        fix: "kubectl rollout restart",
    },
    Row {
        name: "the registration trusts nobody",
        harm: r#"kubectl patch clusterrole $WEBHOOK-$HOME_NS --type=json -p '[
              {"op": "test", "path": "/rules/3/verbs/3", "value": "patch"}, {"op": "remove", "path": "/rules/3/verbs/3"}]'
            lost patch mutatingwebhookconfigurations/$HOOK
            kubectl patch mutatingwebhookconfiguration $HOOK --type=json -p '[{"op": "remove",
              "path": "/webhooks/0/clientConfig/caBundle"}]'"#,
        heal: r#"kubectl patch clusterrole $WEBHOOK-$HOME_NS --type=json -p '[
              {"op": "add", "path": "/rules/3/verbs/-", "value": "patch"}]'
            kubectl annotate mutatingwebhookconfiguration $HOOK touched=$RANDOM --overwrite"#,
        topic: "registration",
        state: "failure",
        cause: "the caBundle of pods.env-injector.admission.spv.no is empty",
        fix: "its log says why",
    },
    Row {
        name: "pods need not wait for the webhook",
        harm: r#"kubectl patch mutatingwebhookconfiguration $HOOK --type=json -p '[
            {"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]'"#,
        heal: r#"kubectl patch mutatingwebhookconfiguration $HOOK --type=json -p '[
            {"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Fail"}]'"#,
        topic: "registration",
        state: "warning",
        cause: "failurePolicy is Ignore",
        fix: "env_injector.failurePolicy",
    },
    Row {
        name: "the authority is gone",
        // A webhook that may would put it back.
        harm: r#"kubectl patch role -n $HOME_NS $WEBHOOK --type=json -p '[
              {"op": "test", "path": "/rules/1/verbs/0", "value": "create"}, {"op": "remove", "path": "/rules/1"}]'
            lost create secrets -n $HOME_NS
            kubectl delete secret -n $HOME_NS akv2k8s-envinjector-authority"#,
        heal: r#"kubectl patch role -n $HOME_NS $WEBHOOK --type=json -p '[{"op": "add", "path": "/rules/1",
              "value": {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}}]'"#,
        topic: "authority",
        state: "failure",
        cause: "akv2k8s-envinjector-authority is missing",
        fix: "from a backup",
    },
    Row {
        name: "a namespace has a label with a slip of the pen",
        harm: "kubectl create namespace slip; kubectl label namespace slip azure-key-vault-env-injection=enable",
        heal: "kubectl label namespace slip azure-key-vault-env-injection=$HOME_NS --overwrite",
        topic: "namespaces",
        state: "warning",
        cause: "namespace slip is labelled azure-key-vault-env-injection=enable",
        fix: "kubectl label namespace slip azure-key-vault-env-injection=",
    },
    Row {
        name: "a namespace of the system is labelled",
        harm: "kubectl label namespace kube-system azure-key-vault-env-injection=$HOME_NS",
        heal: "kubectl label namespace kube-system azure-key-vault-env-injection-",
        topic: "namespaces",
        state: "warning",
        cause: "namespace kube-system is labelled for injection",
        fix: "azure-key-vault-env-injection-",
    },
    Row {
        name: "a pod is older than the label of its namespace",
        harm: r#"kubectl create namespace late
            until kubectl get serviceaccount default -n late; do :; done
            kubectl run bare -n late --image=shop:1 --env=DB=db@azurekeyvault
            kubectl label namespace late azure-key-vault-env-injection=$HOME_NS"#,
        heal: "kubectl delete pod -n late bare --force",
        topic: "pods",
        state: "failure",
        cause: "late/bare holds @azurekeyvault in its environment and was not injected",
        fix: "kubectl delete pod -n late bare",
    },
    Row {
        name: "a plugin has no source",
        harm: r#"kubectl apply -f - <<'EOF'
{"apiVersion": "spv.no/v1alpha1", "kind": "AzureKeyVaultPlugin", "metadata": {"name": "lost"}, "spec": {"source": {
  "configMap": {"namespace": "default", "name": "nowhere", "key": "lost.wasm",
    "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}}}
EOF"#,
        heal: "kubectl delete akvp lost",
        topic: "plugins",
        state: "failure",
        cause: "AzureKeyVaultPlugin lost is not ready: PluginNotReady",
        fix: "kubectl describe akvp lost",
    },
    Row {
        name: "a resource that was written while no webhook answered names a plugin that nobody has",
        harm: r#"kubectl delete validatingwebhookconfiguration $HOOK
            kubectl apply -n $SHOP_NS -f - <<'EOF'
{"apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "metadata": {"name": "shout"}, "spec": {
  "vault": {"name": "shop-prod", "object": {"name": "s", "type": "secret"}},
  "output": {"pipeline": [{"plugin": "shouting"}], "secret": {"name": "shout", "dataKey": "v"}}}}
EOF"#,
        heal: "kubectl delete akvs -n $SHOP_NS shout
            kubectl apply --server-side --force-conflicts -f registrations.json",
        topic: "plugins",
        state: "failure",
        cause: "uses a plugin shouting that does not exist",
        fix: "mend the name",
    },
    Row {
        name: "the identity may not read a vault",
        harm: r#"kubectl apply -n $SHOP_NS -f - <<'EOF'
{"apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "metadata": {"name": "locked"}, "spec": {
  "vault": {"name": "shop-locked", "object": {"name": "s", "type": "secret"}},
  "output": {"secret": {"name": "locked", "dataKey": "v"}}}}
EOF"#,
        heal: "kubectl delete akvs -n $SHOP_NS locked",
        topic: "vaults",
        state: "failure",
        cause: "1 resource of vault shop-locked",
        fix: "az keyvault show -n shop-locked",
    },
    Row {
        name: "an object is not in the vault",
        harm: r#"kubectl apply -n $SHOP_NS -f - <<'EOF'
{"apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "metadata": {"name": "absent"}, "spec": {
  "vault": {"name": "shop-prod", "object": {"name": "absent", "type": "secret"}},
  "output": {"secret": {"name": "absent", "dataKey": "v"}}}}
EOF"#,
        heal: "kubectl delete akvs -n $SHOP_NS absent",
        topic: "resources",
        state: "warning",
        cause: "ObjectNotFound: ",
        fix: "kubectl describe akvs -n ",
    },
    Row {
        name: "the original still runs",
        harm: "kubectl create namespace old
            kubectl create deployment -n old akv2k8s-controller --image=spvest/azure-keyvault-controller:1.8.4",
        heal: "kubectl delete deployment -n old akv2k8s-controller",
        topic: "original",
        state: "failure",
        cause: "Deployment old/akv2k8s-controller of the original akv2k8s still runs",
        fix: "helm list -n old",
    },
    Row {
        name: "the original's registration outlived it",
        harm: r#"kubectl apply -f - <<'EOF'
{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": "old"},
 "webhooks": [{"name": "pods.env-injector.admission.spv.no", "admissionReviewVersions": ["v1beta1", "v1"],
  "sideEffects": "None", "failurePolicy": "Ignore", "namespaceSelector": {"matchLabels": {"nobody": "has-it"}},
  "clientConfig": {"service": {"namespace": "old", "name": "akv2k8s-envinjector", "path": "/pods"}},
  "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["pods"]}]}]}
EOF"#,
        heal: "kubectl delete mutatingwebhookconfiguration old",
        topic: "original",
        state: "failure",
        cause: "MutatingWebhookConfiguration old is the original's",
        fix: "kubectl delete mutatingwebhookconfiguration old",
    },
    Row {
        name: "the original's certificates of pods are left",
        harm: r#"kubectl apply -n $SHOP_NS -f - <<'EOF'
{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "akv2k8s-web"}, "type": "kubernetes.io/tls",
 "data": {"tls.crt": "", "tls.key": ""}}
EOF"#,
        heal: "kubectl delete secret -n $SHOP_NS akv2k8s-web",
        topic: "original",
        state: "warning",
        cause: "look like client certificates that the original made for pods",
        fix: "kubectl delete secret -n ",
    },
];
