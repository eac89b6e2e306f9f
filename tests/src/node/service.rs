//! Services whose servers are the test's own.

use super::Node;
use crate::namespace::Namespace;
use serde_json::json;

impl Node {
    /// Makes a Service `name` whose port `port` leads to a server of this machine that listens at [`Node::host`] on `on_host`.
    /// Its name for pods and for a webhook's certificate is `NAME.NAMESPACE.svc`.
    pub async fn service_on_host(&self, namespace: &Namespace, name: &str, port: u16, on_host: u16) {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"ports": [{"name": "https", "port": port, "targetPort": on_host}]},
        });
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "endpoints": [{"addresses": [self.host()]}], "ports": [{"name": "https", "port": on_host}],
        });
        let applied = namespace.apply(&format!("{service}\n---\n{slice}\n")).await;
        applied.unwrap_or_else(|failure| panic!("Service {name}: {failure}"));
    }
}
