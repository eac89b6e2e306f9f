//! Public keys as Key Vault gives them, JSON Web Keys (RFC 7517), and as SubjectPublicKeyInfo (RFC 5280).

use crate::{Fault, pem};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use der::asn1::{BitStringRef, ObjectIdentifier, UintRef};
use der::{Encode, Sequence};
use serde_json::Value;

const BAD: Fault = Fault::new("bad-jwk", "the key is no JSON Web Key of kind RSA or EC");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// RSAPublicKey (RFC 8017 A.1.1).
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    n: UintRef<'a>,
    e: UintRef<'a>,
}

#[derive(Sequence)]
struct RsaAlgorithm {
    oid: ObjectIdentifier,
    parameters: der::asn1::Null,
}

#[derive(Sequence)]
struct EcAlgorithm {
    oid: ObjectIdentifier,
    curve: ObjectIdentifier,
}

#[derive(Sequence)]
struct RsaInfo<'a> {
    algorithm: RsaAlgorithm,
    key: BitStringRef<'a>,
}

#[derive(Sequence)]
struct EcInfo<'a> {
    algorithm: EcAlgorithm,
    key: BitStringRef<'a>,
}

fn parse(jwk: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(jwk).map_err(|_| BAD)
}

fn number(jwk: &Value, name: &str) -> Result<Vec<u8>, Fault> {
    let text = jwk.get(name).and_then(Value::as_str).ok_or(BAD)?;
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| BAD)
}

/// Whether the key is RSA, in a vault or an HSM.
pub fn is_rsa(jwk: &[u8]) -> Result<bool, Fault> {
    Ok(parse(jwk)?.get("kty").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("RSA")))
}

/// The raw modulus of an RSA key, big-endian, as the original writes it.
pub fn raw_n(jwk: &[u8]) -> Result<Vec<u8>, Fault> {
    number(&parse(jwk)?, "n")
        .map_err(|_| Fault::new("no-modulus", "only an RSA key has a modulus; use keyFormat pem or jwk"))
}

/// SubjectPublicKeyInfo as PEM.
pub fn to_pem(jwk: &[u8]) -> Result<String, Fault> {
    let jwk = parse(jwk)?;
    let kind = jwk.get("kty").and_then(Value::as_str).unwrap_or_default();
    let der = match kind {
        "RSA" | "RSA-HSM" => rsa(&number(&jwk, "n")?, &number(&jwk, "e")?),
        "EC" | "EC-HSM" => ec(&jwk)?,
        _ => return Err(BAD),
    };
    der.map(|der| pem::encode("PUBLIC KEY", &der)).map_err(|_| BAD)
}

fn rsa(n: &[u8], e: &[u8]) -> der::Result<Vec<u8>> {
    let key = RsaPublicKey { n: UintRef::new(n)?, e: UintRef::new(e)? }.to_der()?;
    let algorithm = RsaAlgorithm { oid: RSA, parameters: der::asn1::Null };
    RsaInfo { algorithm, key: BitStringRef::from_bytes(&key)? }.to_der()
}

fn ec(jwk: &Value) -> Result<der::Result<Vec<u8>>, Fault> {
    // Object identifier and bytes of a coordinate (RFC 5480, SEC 2).
    let (curve, size): (&str, usize) = match jwk.get("crv").and_then(Value::as_str) {
        Some("P-256") => ("1.2.840.10045.3.1.7", 32),
        Some("P-384") => ("1.3.132.0.34", 48),
        Some("P-521") => ("1.3.132.0.35", 66),
        Some("P-256K" | "secp256k1") => ("1.3.132.0.10", 32),
        _ => {
            return Err(Fault::new("unknown-curve", "the curve is none of P-256, P-384, P-521 and P-256K"));
        }
    };
    let mut point = vec![4];
    for name in ["x", "y"] {
        let coordinate = number(jwk, name)?;
        let padding = size.checked_sub(coordinate.len()).ok_or(BAD)?;
        point.extend(std::iter::repeat_n(0, padding).chain(coordinate));
    }
    let algorithm = EcAlgorithm { oid: EC, curve: ObjectIdentifier::new_unwrap(curve) };
    Ok(BitStringRef::from_bytes(&point).and_then(|key| EcInfo { algorithm, key }.to_der()))
}
