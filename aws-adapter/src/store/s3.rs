//! Objects in an S3 bucket, through the AWS SDK.
//!
//! A version is the bucket's version id, or the entity tag where the bucket keeps no versions. Every rendition carries the metadata
//! `imgcore: rendition`, so that nobody takes it for a picture that came from outside.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::EncodingType;
use std::time::{Duration, UNIX_EPOCH};

use super::{Head, Listed, Object, ObjectPage, Objects, PutOptions, SignedUpload, UploadOffer};
use crate::cloud::Cdn;
use crate::error::{Code, Error};
use crate::event::percent_decode;
use crate::sdk::{causes, phrase};
use crate::time::{Clock, SystemClock, Timestamp};

/// Where a download URL's validity begins is rounded down to this, so that the same URL comes again and a browser's cache knows it.
const PERIOD_MS: i64 = 5 * 60 * 1000;

/// The mark on everything that is put.
const MARK: (&str, &str) = ("imgcore", "rendition");

/// The objects of one bucket.
#[derive(Debug, Clone)]
pub struct S3Objects {
    client: Client,
    bucket: String,
    cdn: Option<Cdn>,
}

impl S3Objects {
    /// The objects of this bucket.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into(), cdn: None }
    }

    /// The same objects, read by everybody else through this distribution.
    pub fn through(self, cdn: Option<Cdn>) -> Self {
        Self { cdn, ..self }
    }

    /// An object of at most `max_bytes` as this version of it was.
    ///
    /// # Errors
    /// Those of [`Objects::get`].
    pub async fn get_version(&self, key: &str, id: &str, max_bytes: u64) -> Result<Object, Error> {
        let found = self.client.get_object().bucket(&self.bucket).key(key).version_id(id).send().await.map_err(|e| fault(key, e))?;
        read(key, found, None, max_bytes).await
    }

    /// All versions of exactly this key, its deletions included, what is on top last; nothing for a store that keeps none.
    async fn versions(&self, key: &str) -> Result<Option<Vec<String>>, Error> {
        let (mut all, mut top) = (Vec::new(), Vec::new());
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let asked = self.client.list_object_versions().bucket(&self.bucket).prefix(key).encoding_type(EncodingType::Url);
            let page = match asked.set_key_marker(key_marker).set_version_id_marker(id_marker).send().await {
                Ok(page) => page,
                Err(error) if error.code() == Some("NotImplemented") => return Ok(None),
                Err(error) => return Err(fault(key, error)),
            };
            let is_own = |name: &str| plain_key(name, page.encoding_type()).as_deref() == Some(key);
            let versions = page.versions().iter().map(|version| (version.key(), version.version_id(), version.is_latest()));
            let deletions = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id(), marker.is_latest()));
            for (name, id, is_latest) in versions.chain(deletions) {
                if let (Some(true), Some(id)) = (name.map(is_own), id) {
                    if is_latest == Some(true) { &mut top } else { &mut all }.push(id.to_owned());
                }
            }
            // Keys that only begin with this one come after it.
            let goes_on = page.is_truncated() == Some(true) && page.next_key_marker().is_some_and(is_own);
            if !goes_on {
                all.append(&mut top);
                return Ok(Some(all));
            }
            key_marker = Some(key.to_owned());
            id_marker = page.next_version_id_marker().map(str::to_owned);
        }
    }
}

impl Objects for S3Objects {
    fn bucket(&self) -> &str {
        &self.bucket
    }

    async fn head(&self, key: &str) -> Result<Head, Error> {
        let found = self.client.head_object().bucket(&self.bucket).key(key).send().await.map_err(|e| fault(key, e))?;
        Ok(Head {
            size: size(found.content_length()),
            version: version(found.version_id(), found.e_tag()),
            modified: moment(found.last_modified()),
            content_type: found.content_type,
        })
    }

    async fn get(&self, key: &str, wanted: Option<&str>, max_bytes: u64) -> Result<Object, Error> {
        let found = self.client.get_object().bucket(&self.bucket).key(key).send().await.map_err(|e| fault(key, e))?;
        read(key, found, wanted, max_bytes).await
    }

    async fn put(&self, key: &str, data: &[u8], options: &PutOptions) -> Result<String, Error> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(data.to_vec())).metadata(MARK.0, MARK.1);
        let put = put.set_content_type(options.content_type.clone()).set_cache_control(options.cache_control.clone());
        let done = put.send().await.map_err(|e| fault(key, e))?;
        Ok(done.e_tag().unwrap_or_default().trim_matches('"').to_owned())
    }

    async fn list(&self, prefix: &str, cursor: Option<&str>) -> Result<ObjectPage, Error> {
        // Written as in URLs, since XML cannot say every key.
        let asked = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).encoding_type(EncodingType::Url);
        // A page begins after a key and not where a token says, so that a list can be resumed at any time.
        let page = asked.set_start_after(cursor.map(str::to_owned)).send().await.map_err(|e| fault(prefix, e))?;
        let mut answer = ObjectPage::default();
        for object in page.contents() {
            let name = object.key().unwrap_or_default();
            match plain_key(name, page.encoding_type()) {
                Some(key) => answer.objects.push(Listed { key, size: size(object.size()), modified: moment(object.last_modified()) }),
                None => answer.skipped.push(name.to_owned()),
            }
        }
        if page.is_truncated() == Some(true) {
            answer.next_cursor = answer.objects.last().map(|last| last.key.clone());
        }
        Ok(answer)
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        let deleted = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        gone(deleted.map(drop).map_err(|e| fault(key, e)))
    }

    async fn erase(&self, key: &str) -> Result<(), Error> {
        let Some(versions) = self.versions(key).await? else {
            return self.delete(key).await;
        };
        // The top goes last: without it an older version would come to light again, and stay there if this ended early.
        for id in versions {
            let deleted = self.client.delete_object().bucket(&self.bucket).key(key).version_id(id).send().await;
            gone(deleted.map(drop).map_err(|e| fault(key, e)))?;
        }
        Ok(())
    }

    async fn download_url(&self, key: &str, expires_at: Timestamp) -> Result<String, Error> {
        if let Some(cdn) = &self.cdn {
            return cdn.url(key, expires_at);
        }
        let now = SystemClock.now().as_millis();
        let signing = presigning(Timestamp::from_millis(now - now % PERIOD_MS), expires_at)?;
        let request = self.client.get_object().bucket(&self.bucket).key(key).presigned(signing).await;
        Ok(request.map_err(|e| fault(key, e))?.uri().to_owned())
    }

    async fn upload_url(&self, offer: &UploadOffer) -> Result<SignedUpload, Error> {
        let signing = presigning(SystemClock.now(), offer.expires_at)?;
        let length = i64::try_from(offer.size).unwrap_or(i64::MAX);
        let put = self.client.put_object().bucket(&self.bucket).key(&offer.key).content_type(&offer.content_type).content_length(length);
        let request = put.presigned(signing).await.map_err(|e| fault(&offer.key, e))?;
        let url = request.uri().to_owned();
        // Within a function the SDK adds its trace, which is not signed and which no browser may send.
        let signed = request.headers().filter(|(name, _)| is_signed(&url, name));
        let headers = signed.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(SignedUpload { method: "PUT", url, headers })
    }
}

/// A key of a list as it is; nothing for what cannot be one.
fn plain_key(name: &str, encoding: Option<&EncodingType>) -> Option<String> {
    if encoding == Some(&EncodingType::Url) { percent_decode(&name.replace('+', " ")) } else { Some(name.to_owned()) }
}

/// Reads an answer to its end, unless it is not the version that is wanted or too long.
async fn read(key: &str, mut found: GetObjectOutput, wanted: Option<&str>, max_bytes: u64) -> Result<Object, Error> {
    let head = Head {
        size: size(found.content_length()),
        version: version(found.version_id(), found.e_tag()),
        modified: moment(found.last_modified()),
        content_type: found.content_type.take(),
    };
    // What follows is not read: dropping the answer closes the connection.
    if head.size > max_bytes {
        return Err(super::too_large(key, head.size, max_bytes));
    }
    match wanted {
        Some(wanted) if wanted != head.version => return Err(super::changed(key, wanted)),
        _ => {}
    }
    let mut data = Vec::with_capacity(usize::try_from(head.size).unwrap_or(0));
    while let Some(bytes) = found.body.next().await {
        let bytes = bytes.map_err(|e| cut_off(key, e))?;
        data.extend_from_slice(&bytes);
        if data.len() as u64 > max_bytes {
            return Err(super::too_large(key, data.len() as u64, max_bytes));
        }
    }
    Ok(Object { head: Head { size: data.len() as u64, ..head }, data })
}

fn presigning(start: Timestamp, end: Timestamp) -> Result<PresigningConfig, Error> {
    let start_time = UNIX_EPOCH + Duration::from_millis(start.as_millis().unsigned_abs());
    // At least a second, so that a URL that is late says so itself.
    let seconds = (end.millis_since(start) / 1000).max(1);
    let config = PresigningConfig::builder().start_time(start_time).expires_in(Duration::from_secs(seconds)).build();
    config.map_err(|e| Error::caused(Code::Internal, "the url cannot be signed", e))
}

/// Whether a signed URL says that this header must be sent as it stands.
fn is_signed(url: &str, name: &str) -> bool {
    let names = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("X-Amz-SignedHeaders="));
    names.is_some_and(|names| names.split("%3B").any(|signed| signed.eq_ignore_ascii_case(name)))
}

/// The version id, where the bucket keeps versions; else the entity tag without quotes.
fn version(version_id: Option<&str>, e_tag: Option<&str>) -> String {
    let id = version_id.filter(|id| !id.is_empty() && *id != "null");
    id.unwrap_or_else(|| e_tag.unwrap_or_default().trim_matches('"')).to_owned()
}

fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

fn moment(time: Option<&DateTime>) -> Timestamp {
    Timestamp::from_millis(time.and_then(|time| time.to_millis().ok()).unwrap_or(0))
}

fn gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if error.code == Code::SourceMissing => Ok(()),
        other => other,
    }
}

fn cut_off(key: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let message = format!("object `{key}` was cut off: {}", causes(&error));
    Error { code: Code::StorageUnavailable, message, source: Some(Box::new(error)) }
}

/// What S3's answer means for the picture.
fn fault<E>(key: &str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let (code, message) = match (error.code(), status) {
        (Some("NoSuchBucket"), _) => (Code::StorageUnavailable, "the bucket does not exist".to_owned()),
        (Some("NoSuchKey" | "NotFound"), _) | (None, 404) => return super::missing(key),
        (Some("InvalidObjectState"), _) => (Code::SourceArchived, format!("object `{key}` is archived and must be restored first")),
        (_, 403) => (Code::SourceForbidden, format!("object `{key}` may not be accessed")),
        _ => (Code::StorageUnavailable, format!("S3 did not answer for `{key}`: {}", phrase(&error))),
    };
    Error { code, message, source: Some(Box::new(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signed_headers_are_to_be_sent() {
        let url =
            "https://b.example/k?X-Amz-Date=1&X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&X-Amz-Signature=x-amzn-trace-id";
        assert!(is_signed(url, "content-type") && is_signed(url, "content-length"));
        assert!(!is_signed(url, "x-amzn-trace-id") && !is_signed(url, "content") && !is_signed("https://b.example/k", "host"));
    }
}
