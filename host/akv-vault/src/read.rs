//! One object, in as few requests as its parts take.

use std::collections::BTreeSet;

use akv_core::{Description, ObjectKind, ObjectName, ObjectVersion, Part, VaultObject};
use azure_core::Bytes;
use azure_core::http::Response;
use azure_security_keyvault_certificates::CertificateClient;
use azure_security_keyvault_certificates::models::CertificateClientGetCertificateOptions;
use azure_security_keyvault_keys::KeyClient;
use azure_security_keyvault_keys::models::KeyClientGetKeyOptions;
use azure_security_keyvault_secrets::SecretClient;
use azure_security_keyvault_secrets::models::SecretClientGetSecretOptions;
use time::OffsetDateTime;
use zeroize::Zeroize;

use crate::bundle::{Certificate, Common, Key, Secret};
use crate::failure::Failure;

/// The SDK's clients of one vault.
pub(crate) struct Clients {
    pub(crate) secrets: SecretClient,
    pub(crate) certificates: CertificateClient,
    pub(crate) keys: KeyClient,
}

impl Clients {
    /// Reads what `description` names, and of it only `parts`.
    ///
    /// A certificate is always asked for its public half first, which gives the version; the private half is one more
    /// request, for the secret of that very version, so that both belong together even while it is renewed.
    pub(crate) async fn read(&self, description: &Description, parts: &BTreeSet<Part>) -> Result<VaultObject, Failure> {
        let object = &description.object;
        let version = object.version.as_ref();
        match object.kind {
            ObjectKind::Secret | ObjectKind::MultiKeyValueSecret => {
                let secret = self.secret(&object.name, version).await?;
                let mut read = describe(description, secret.common, secret.content_type);
                read.private = parts.contains(&Part::Private).then_some(secret.value);
                Ok(read)
            }
            ObjectKind::Key => {
                let key = self.key(&object.name, version).await?;
                let mut read = describe(description, key.common, None);
                read.public = parts.contains(&Part::Public).then_some(key.jwk);
                Ok(read)
            }
            ObjectKind::Certificate => {
                let certificate = self.certificate(&object.name, version).await?;
                let pinned = certificate.common.version.clone();
                let mut read = describe(description, certificate.common, certificate.content_type);
                read.public = parts.contains(&Part::Public).then_some(certificate.der);
                if parts.contains(&Part::Private) {
                    let secret = self.secret(&object.name, Some(&pinned)).await?;
                    read.content_type = secret.content_type.or(read.content_type);
                    read.private = Some(secret.value);
                }
                Ok(read)
            }
        }
    }

    async fn secret(&self, name: &ObjectName, version: Option<&ObjectVersion>) -> Result<Secret, Failure> {
        let options =
            SecretClientGetSecretOptions { secret_version: text(version), ..SecretClientGetSecretOptions::default() };
        let answer = self.secrets.get_secret(name.as_str(), Some(options)).await;
        Secret::read(&Body::of(answer)?)
    }

    async fn certificate(&self, name: &ObjectName, version: Option<&ObjectVersion>) -> Result<Certificate, Failure> {
        let options = CertificateClientGetCertificateOptions {
            certificate_version: text(version),
            ..CertificateClientGetCertificateOptions::default()
        };
        let answer = self.certificates.get_certificate(name.as_str(), Some(options)).await;
        Certificate::read(&Body::of(answer)?)
    }

    async fn key(&self, name: &ObjectName, version: Option<&ObjectVersion>) -> Result<Key, Failure> {
        let options = KeyClientGetKeyOptions { key_version: text(version), ..KeyClientGetKeyOptions::default() };
        let answer = self.keys.get_key(name.as_str(), Some(options)).await;
        Key::read(&Body::of(answer)?)
    }
}

fn text(version: Option<&ObjectVersion>) -> Option<String> {
    version.map(|version| version.as_str().to_owned())
}

fn describe(description: &Description, common: Common, content_type: Option<String>) -> VaultObject {
    VaultObject {
        description: description.clone(),
        version: common.version.as_str().to_owned(),
        content_type,
        tags: common.tags,
        public: None,
        private: None,
        expires: common.expires,
        not_before: common.not_before,
    }
}

/// A response's body, wiped when it is dropped.
struct Body(Bytes);

/// Overwrites the bytes unless somebody else holds them too; says whether it did.
fn wipe(bytes: Bytes) -> bool {
    bytes.try_into_mut().map(|mut bytes| bytes.as_mut().zeroize()).is_ok()
}

impl Body {
    fn of<T>(answer: azure_core::Result<Response<T>>) -> Result<Self, Failure> {
        match answer {
            Ok(response) => Ok(Self(response.into_body().into())),
            Err(fault) => Err(Failure::classify(&fault, OffsetDateTime::now_utc())),
        }
    }
}

impl std::ops::Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        wipe(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_wiped_unless_it_is_shared() {
        assert!(wipe(Bytes::from(b"value".to_vec())));
        let shared = Bytes::from(b"value".to_vec());
        assert!(!wipe(shared.clone()));
        assert_eq!(shared, b"value".as_slice());
    }
}
