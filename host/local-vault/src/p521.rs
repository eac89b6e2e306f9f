//! Keys and certificates on the curve P-521, which the library that makes the others does not have.

use p521::ecdsa::signature::Signer as _;
use p521::ecdsa::{DerSignature, SigningKey};
use p521::elliptic_curve::Generate as _;
use p521::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use rcgen::{CertificateParams, Error, Issuer, KeyPair, SigningKey as _};

/// `ecdsa-with-SHA512` as AlgorithmIdentifier (RFC 5758, 3.2).
const ECDSA_SHA512: [u8; 12] = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
/// Where they stand in the TBSCertificate of version 3 (RFC 5280, 4.1).
const SIGNATURE: usize = 2;
const PUBLIC_KEY: usize = 6;

/// A private key.
pub struct Secret(p521::SecretKey);

impl Secret {
    /// Makes one.
    #[must_use]
    pub fn make() -> Self {
        Self(p521::SecretKey::generate())
    }

    /// Reads PKCS#8 (DER).
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        p521::SecretKey::from_pkcs8_der(der).ok().map(Self)
    }

    /// The key in PKCS#8 (DER).
    #[must_use]
    pub fn pkcs8(&self) -> Option<Vec<u8>> {
        self.0.to_pkcs8_der().ok().map(|der| der.as_bytes().to_vec())
    }

    /// The public half, uncompressed.
    #[must_use]
    pub fn point(&self) -> Vec<u8> {
        self.0.public_key().to_sec1_bytes().to_vec()
    }

    /// A certificate for this key, signed by itself without an issuer.
    ///
    /// Made for a key of another curve first; then the public key is exchanged, and what is signed is signed again.
    ///
    /// # Errors
    /// When the parameters are wrong.
    pub fn certificate(
        &self,
        params: &CertificateParams,
        issuer: Option<&Issuer<'_, KeyPair>>,
    ) -> Result<Vec<u8>, Error> {
        let stand_in = KeyPair::generate()?;
        let template = match issuer {
            Some(issuer) => params.signed_by(&stand_in, issuer)?,
            None => params.self_signed(&stand_in)?,
        };
        let (mut parts, mut algorithm) = take_apart(template.der()).map_err(|_| Error::CouldNotParseCertificate)?;
        let public = self.0.public_key().to_public_key_der().map_err(|_| Error::CouldNotParseKeyPair)?;
        parts[PUBLIC_KEY] = public.as_bytes().to_vec();
        if issuer.is_none() {
            algorithm = ECDSA_SHA512.to_vec();
            parts[SIGNATURE].clone_from(&algorithm);
        }
        let signed = sequence(&parts);
        let signature = match issuer {
            Some(issuer) => issuer.key().sign(&signed)?,
            None => {
                let signature: DerSignature = SigningKey::from(&self.0).sign(&signed);
                signature.as_bytes().to_vec()
            }
        };
        let bits = yasna::construct_der(|writer| writer.write_bitvec_bytes(&signature, signature.len() * 8));
        Ok(sequence(&[signed, algorithm, bits]))
    }
}

/// The members of a certificate's TBSCertificate, and the algorithm of its signature.
fn take_apart(certificate: &[u8]) -> yasna::ASN1Result<(Vec<Vec<u8>>, Vec<u8>)> {
    yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|reader| {
            let parts = reader.next().read_sequence(|reader| {
                let mut parts = Vec::new();
                while let Some(part) = reader.read_optional(|reader| reader.read_der())? {
                    parts.push(part);
                }
                Ok(parts)
            })?;
            let algorithm = reader.next().read_der()?;
            reader.next().read_der()?;
            Ok((parts, algorithm))
        })
    })
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| parts.iter().for_each(|part| writer.next().write_der(part)));
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use p521::ecdsa::VerifyingKey;
    use p521::ecdsa::signature::Verifier as _;

    #[test]
    fn a_key_comes_back_and_signs_its_own_certificate() {
        let made = Secret::make();
        let secret = Secret::read(&made.pkcs8().unwrap()).unwrap();
        assert_eq!(secret.point(), made.point());
        let certificate = secret.certificate(&CertificateParams::default(), None).unwrap();
        let (parts, algorithm) = take_apart(&certificate).unwrap();
        assert_eq!((&algorithm, &parts[SIGNATURE]), (&ECDSA_SHA512.to_vec(), &algorithm));
        assert!(parts[PUBLIC_KEY].ends_with(&secret.point()));
        let signature = yasna::parse_der(&certificate, |reader| {
            reader.read_sequence(|reader| {
                reader.next().read_der()?;
                reader.next().read_der()?;
                reader.next().read_bitvec_bytes()
            })
        });
        let signature = DerSignature::from_bytes(&signature.unwrap().0).unwrap();
        let key = VerifyingKey::from_sec1_bytes(&secret.point()).unwrap();
        assert!(key.verify(&sequence(&parts), &signature).is_ok());
        assert!(key.verify(b"something else", &signature).is_err());
    }
}
