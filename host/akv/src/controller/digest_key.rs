//! The key of the digests in status, kept in one Secret of the installation.
//!
//! A digest without a key would let everybody who may read a status guess weak values offline.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Name of the Secret, in the controller's namespace.
pub const SECRET_NAME: &str = "akv2k8s-digest-key";
const KEY: &str = "key";
const SIZE: usize = 32;

/// Reads the key, or makes it. Of two controllers that make it at once, the first wins and the other reads.
pub async fn load(client: &Client, namespace: &str) -> kube::Result<Zeroizing<Vec<u8>>> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    loop {
        let found = api.get_opt(SECRET_NAME).await?.and_then(|s| s.data?.remove(KEY));
        if let Some(key) = found {
            return Ok(Zeroizing::new(key.0));
        }
        let mut bytes = vec![0u8; SIZE];
        rustls::crypto::ring::default_provider()
            .secure_random
            .fill(&mut bytes)
            .map_err(|_| kube::Error::Service("the system gave no random bytes".into()))?;
        let secret = Secret {
            metadata: ObjectMeta { name: Some(SECRET_NAME.to_owned()), ..ObjectMeta::default() },
            data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(bytes))])),
            ..Secret::default()
        };
        match api.create(&PostParams::default(), &secret).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(error),
        }
    }
}
