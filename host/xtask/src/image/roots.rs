//! The public authorities that programs in an image trust, where every program looks for them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Where Debian and Go, and so most programs, have them.
pub const PATH: &str = "/etc/ssl/certs/ca-certificates.crt";
/// What PEM allows in a line.
const LINE: usize = 64;

/// Mozilla's list, as PEM.
pub fn pem() -> String {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|root| certificate(root)).collect()
}

fn certificate(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: String =
        text.as_bytes().chunks(LINE).map(|line| String::from_utf8_lossy(line).into_owned() + "\n").collect();
    format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_authority_is_a_certificate_of_pem() {
        let pem = pem();
        let ends = pem.matches("-----END CERTIFICATE-----\n").count();
        assert_eq!(pem.matches("-----BEGIN CERTIFICATE-----\n").count(), ends);
        assert!(ends > 100, "{ends}");
        assert!(pem.lines().all(|line| line.len() <= LINE));
        // DER's SEQUENCE with two bytes of length.
        assert!(pem.split("-----BEGIN CERTIFICATE-----\n").skip(1).all(|text| text.starts_with("MII")));
    }
}
