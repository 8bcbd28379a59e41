//! Renditions through CloudFront: by a plain URL where they are public, by a signed one where the distribution trusts a key group.
//!
//! The signature is that of a canned policy with SHA-256, as the CloudFront Developer Guide describes it under "Create a signed URL using a
//! canned policy". An RSA key gives the same URL for the same moment, which a browser's cache knows again; an elliptic one does not.

use std::fmt;
use std::sync::Arc;

use data_encoding::{Encoding, Specification};
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::error::{Code, Error};
use crate::event::percent_encode;
use crate::time::Timestamp;

/// A distribution over the bucket of renditions.
#[derive(Debug, Clone)]
pub struct Cdn {
    base: String,
    signer: Option<Arc<Signer>>,
}

struct Signer {
    key_pair_id: String,
    key: Key,
    base64: Encoding,
}

enum Key {
    Rsa(Box<rsa::KeyPair>),
    Elliptic(Box<EcdsaKeyPair>),
}

impl fmt::Debug for Signer {
    /// Never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key_pair_id", &self.key_pair_id).finish_non_exhaustive()
    }
}

impl Cdn {
    /// A distribution that anybody may read, at a URL such as `https://d111111abcdef8.cloudfront.net`.
    pub fn public(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), signer: None }
    }

    /// A distribution whose key group trusts this key: its id in CloudFront, and the private key as PEM, RSA of 2048 bits or P-256.
    ///
    /// # Errors
    /// `invalid_request` where the key is none of these.
    pub fn signed(base: &str, key_pair_id: &str, pem: &str) -> Result<Self, Error> {
        let signer = Signer { key_pair_id: key_pair_id.to_owned(), key: read_key(pem)?, base64: url_base64() };
        Ok(Self { signer: Some(Arc::new(signer)), ..Self::public(base) })
    }

    /// The URL of an object, valid until a moment where it is signed.
    ///
    /// # Errors
    /// `internal` where the key cannot sign.
    pub fn url(&self, key: &str, expires_at: Timestamp) -> Result<String, Error> {
        let url = format!("{}/{}", self.base, percent_encode(key, "/"));
        let Some(signer) = &self.signer else { return Ok(url) };
        let expires = expires_at.as_millis() / 1000;
        let policy = format!(r#"{{"Statement":[{{"Resource":"{url}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}"#);
        let signature = signer.base64.encode(&signer.key.sign(policy.as_bytes())?);
        let key_pair_id = &signer.key_pair_id;
        Ok(format!("{url}?Expires={expires}&Signature={signature}&Key-Pair-Id={key_pair_id}&Hash-Algorithm=SHA256"))
    }
}

impl Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |_| Error::new(Code::Internal, "the URL could not be signed");
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Self::Elliptic(key) => Ok(key.sign(&random, message).map_err(failed)?.as_ref().to_vec()),
        }
    }
}

fn read_key(pem: &str) -> Result<Key, Error> {
    // What is wrong is not told in the key's own words.
    let wrong = || Error::new(Code::InvalidRequest, "the distribution's private key is no PEM of RSA with 2048 bits or P-256 (PKCS#8)");
    let rsa = |key| Key::Rsa(Box::new(key));
    let elliptic = |key| Key::Elliptic(Box::new(key));
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| wrong())? {
        PrivateKeyDer::Pkcs1(der) => rsa::KeyPair::from_der(der.secret_pkcs1_der()).map(rsa).map_err(|_| wrong()),
        PrivateKeyDer::Pkcs8(der) => {
            let der = der.secret_pkcs8_der();
            let p256 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &SystemRandom::new()).map(elliptic);
            rsa::KeyPair::from_pkcs8(der).map(rsa).or_else(|_| p256()).map_err(|_| wrong())
        }
        _ => Err(wrong()),
    }
}

/// Base64 without the characters that mean something in a URL, in CloudFront's own choice.
fn url_base64() -> Encoding {
    let mut form = Specification::new();
    form.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~");
    form.padding = Some('_');
    form.encoding().expect("sixty-four symbols and a padding are an encoding")
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    const BASE: &str = "https://d111111abcdef8.cloudfront.net";
    const KEY: &str = "renditions/x/thumb-1.jpg";

    fn made(arguments: &[&str]) -> String {
        let made = std::process::Command::new("openssl").args(arguments).output().expect("openssl makes the keys of this test");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap()
    }

    fn public_key(key: &Key) -> Vec<u8> {
        use ring::signature::KeyPair;
        match key {
            Key::Rsa(key) => key.public_key().as_ref().to_vec(),
            Key::Elliptic(key) => key.public_key().as_ref().to_vec(),
        }
    }

    #[test]
    fn a_signed_url_carries_a_signature_that_its_public_key_verifies() {
        let rsa = made(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
        let elliptic = made(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        for (pem, algorithm) in
            [(rsa, &RSA_PKCS1_2048_8192_SHA256 as &dyn ring::signature::VerificationAlgorithm), (elliptic, &ECDSA_P256_SHA256_ASN1)]
        {
            let cdn = Cdn::signed(BASE, "K2JCJMDEHXQW5F", &pem).unwrap();
            let url = cdn.url(KEY, Timestamp::from_millis(1_767_290_400_999)).unwrap();
            let (plain, query) = url.split_once('?').unwrap();
            assert_eq!(plain, format!("{BASE}/{KEY}"));
            let fields: Vec<(&str, &str)> = query.split('&').map(|field| field.split_once('=').unwrap()).collect();
            let names: Vec<&str> = fields.iter().map(|field| field.0).collect();
            assert_eq!(names, ["Expires", "Signature", "Key-Pair-Id", "Hash-Algorithm"]);
            assert_eq!((fields[0].1, fields[2].1, fields[3].1), ("1767290400", "K2JCJMDEHXQW5F", "SHA256"));
            let base64 = fields[1].1.replace('-', "+").replace('_', "=").replace('~', "/");
            let signature = data_encoding::BASE64.decode(base64.as_bytes()).unwrap();
            let policy =
                format!(r#"{{"Statement":[{{"Resource":"{plain}","Condition":{{"DateLessThan":{{"AWS:EpochTime":1767290400}}}}}}]}}"#);
            let public = public_key(&cdn.signer.as_ref().unwrap().key);
            UnparsedPublicKey::new(algorithm, &public).verify(policy.as_bytes(), &signature).unwrap();
            assert!(UnparsedPublicKey::new(algorithm, public).verify(policy.replace("thumb", "large").as_bytes(), &signature).is_err());
        }
    }

    #[test]
    fn an_rsa_key_gives_the_same_url_again() {
        let cdn = Cdn::signed(BASE, "K", &made(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])).unwrap();
        let at = Timestamp::from_millis(1000);
        assert_eq!(cdn.url(KEY, at).unwrap(), cdn.url(KEY, at).unwrap());
    }

    #[test]
    fn a_public_distribution_needs_no_signature() {
        let url = Cdn::public(&format!("{BASE}/")).url("renditions/a b.jpg", Timestamp::from_millis(0)).unwrap();
        assert_eq!(url, format!("{BASE}/renditions/a%20b.jpg"));
    }

    #[test]
    fn a_key_that_cannot_sign_is_refused_without_being_told() {
        for pem in ["", "secret", &made(&["genpkey", "-algorithm", "ED25519"])] {
            let error = Cdn::signed(BASE, "K", pem).unwrap_err();
            assert_eq!(error.code(), "invalid_request");
            assert!(!error.message.contains("secret"), "{}", error.message);
        }
    }
}
