//! Signed URLs of the local stores: an HMAC over everything that the URL allows, where S3 has its own.
//!
//! The URL is `/objects/{bucket}/{key}?expires=..&signature=..`, bucket and key percent-encoded, so that a bucket with slashes is one segment.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{SignedUpload, UploadOffer};
use crate::error::{Code, Error};
use crate::event::percent_encode;
use crate::time::{Random, Timestamp};

/// Signs and checks local URLs.
#[derive(Clone)]
pub struct Signer {
    base: String,
    secret: Vec<u8>,
}

/// What a URL with a signature lets its bearer do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access<'a> {
    /// Get the object.
    Download,
    /// Put an object with exactly this media type and size, both as the request's headers say.
    Upload {
        /// `Content-Type`.
        content_type: &'a str,
        /// `Content-Length`.
        size: u64,
    },
}

impl Signer {
    /// A signer of URLs that begin with `base`, such as `http://127.0.0.1:8080`; empty for URLs without a host.
    pub fn new(base: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self { base: base.into(), secret: secret.into() }
    }

    /// A signer whose URLs end with the process.
    pub fn ephemeral(base: impl Into<String>, random: &impl Random) -> Self {
        Self::new(base, random.token())
    }

    /// A URL to get an object.
    pub fn download_url(&self, bucket: &str, key: &str, expires_at: Timestamp) -> String {
        self.url(bucket, key, &Access::Download, expires_at)
    }

    /// A request to put an object.
    pub fn upload_url(&self, bucket: &str, offer: &UploadOffer) -> SignedUpload {
        let access = Access::Upload { content_type: &offer.content_type, size: offer.size };
        SignedUpload {
            method: "PUT",
            url: self.url(bucket, &offer.key, &access, offer.expires_at),
            headers: vec![("content-type".to_owned(), offer.content_type.clone()), ("content-length".to_owned(), offer.size.to_string())],
        }
    }

    /// Whether the URL's `expires` and `signature` allow this access now.
    ///
    /// # Errors
    /// `forbidden`, without saying which part was wrong.
    pub fn verify(
        &self,
        bucket: &str,
        key: &str,
        access: &Access<'_>,
        expires: &str,
        signature: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let allowed = || {
            let expires_at = Timestamp::from_millis(expires.parse().ok()?);
            let signature = data_encoding::HEXLOWER.decode(signature.as_bytes()).ok()?;
            let mac = self.mac(bucket, key, access, expires_at);
            mac.verify_slice(&signature).ok()?;
            (expires_at > now && expires_at.as_millis().to_string() == expires).then_some(())
        };
        allowed().ok_or_else(|| Error::new(Code::Forbidden, "the signed url is wrong or expired"))
    }

    fn url(&self, bucket: &str, key: &str, access: &Access<'_>, expires_at: Timestamp) -> String {
        let mac = self.mac(bucket, key, access, expires_at);
        let signature = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
        format!(
            "{}/objects/{}/{}?expires={}&signature={signature}",
            self.base,
            percent_encode(bucket, ""),
            percent_encode(key, "/"),
            expires_at.as_millis(),
        )
    }

    fn mac(&self, bucket: &str, key: &str, access: &Access<'_>, expires_at: Timestamp) -> Hmac<Sha256> {
        let access = match access {
            Access::Download => "GET".to_owned(),
            Access::Upload { content_type, size } => format!("PUT\0{content_type}\0{size}"),
        };
        let allowed = format!("{bucket}\0{key}\0{}\0{access}", expires_at.as_millis());
        let mut mac = Hmac::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        mac.update(allowed.as_bytes());
        mac
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("base", &self.base).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (String, String) {
        let (_, query) = url.split_once("?expires=").unwrap();
        let (expires, signature) = query.split_once("&signature=").unwrap();
        (expires.to_owned(), signature.to_owned())
    }

    #[test]
    fn a_download_url_allows_its_own_object_until_it_expires() {
        let signer = Signer::new("http://127.0.0.1:1", "secret");
        let at = Timestamp::from_millis;
        let url = signer.download_url("/tmp/in", "a b/ü.jpg", at(1000));
        assert!(url.starts_with("http://127.0.0.1:1/objects/%2Ftmp%2Fin/a%20b/%C3%BC.jpg?"));
        let (expires, signature) = parts(&url);
        let verify = |signer: &Signer, bucket, key, access: &Access<'_>, expires: &str, now| {
            signer.verify(bucket, key, access, expires, &signature, at(now)).is_ok()
        };
        let (get, key) = (Access::Download, "a b/ü.jpg");
        let put = Access::Upload { content_type: "image/png", size: 1 };
        assert!(verify(&signer, "/tmp/in", key, &get, &expires, 999));
        assert!(!verify(&signer, "/tmp/in", key, &get, &expires, 1000));
        assert!(!verify(&signer, "/tmp/in", key, &get, "2000", 999));
        assert!(!verify(&signer, "/tmp/in", key, &get, "01000", 999));
        assert!(!verify(&signer, "/tmp/in", "b.jpg", &get, &expires, 999));
        assert!(!verify(&signer, "/tmp/out", key, &get, &expires, 999));
        assert!(!verify(&signer, "/tmp/in", key, &put, &expires, 999));
        let other = Signer::new("", "other");
        assert!(!verify(&other, "/tmp/in", key, &get, &expires, 999));
    }

    #[test]
    fn an_upload_url_takes_one_size_and_type_only() {
        let signer = Signer::new("", "secret");
        let upload = signer.upload_url(
            "in",
            &UploadOffer {
                key: "uploads/1/a.png".into(),
                content_type: "image/png".into(),
                size: 10,
                expires_at: Timestamp::from_millis(1000),
            },
        );
        let (expires, signature) = parts(&upload.url);
        let verify = |content_type, size| {
            let access = Access::Upload { content_type, size };
            let now = Timestamp::from_millis(0);
            signer.verify("in", "uploads/1/a.png", &access, &expires, &signature, now).is_ok()
        };
        assert!(verify("image/png", 10));
        assert!(!verify("image/png", 11));
        assert!(!verify("text/html", 10));
    }
}
