//! Amazon Rekognition: what it finds in a small JPEG, in our words.

use aws_sdk_rekognition::Client;
use aws_sdk_rekognition::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_rekognition::primitives::Blob;
use aws_sdk_rekognition::types::{BoundingBox, Image, TextTypes};

use crate::analysis::{Analyses, Analyst, Area, Face, Findings, Label, Line};
use crate::error::{Code, Error};
use crate::sdk::phrase;

/// The most bytes that the service takes in a request.
const MAX_BYTES: usize = 5 << 20;

/// What the service refuses for good, whoever asks and whenever.
const REFUSALS: [&str; 4] =
    ["InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException", "InvalidS3ObjectException"];

/// The service, and what it is asked for.
#[derive(Debug, Clone)]
pub struct Rekognition {
    client: Client,
    wanted: Analyses,
}

impl Rekognition {
    /// Asks for these analyses.
    pub fn new(client: Client, wanted: Analyses) -> Self {
        Self { client, wanted }
    }

    async fn faces(&self, image: Image) -> Result<Vec<Face>, Error> {
        let found = self.client.detect_faces().image(image).send().await.map_err(fault)?;
        let faces = found.face_details().iter();
        Ok(faces.map(|face| Face { area: area(face.bounding_box()), confidence: percent(face.confidence()) }).collect())
    }

    async fn text(&self, image: Image) -> Result<Vec<Line>, Error> {
        let found = self.client.detect_text().image(image).send().await.map_err(fault)?;
        // Words come again beside the lines that they are part of.
        let lines = found.text_detections().iter().filter(|text| text.r#type() == Some(&TextTypes::Line));
        let line = |text: &aws_sdk_rekognition::types::TextDetection| Line {
            text: text.detected_text().unwrap_or_default().to_owned(),
            area: area(text.geometry().and_then(|geometry| geometry.bounding_box())),
            confidence: percent(text.confidence()),
        };
        Ok(lines.map(line).collect())
    }

    async fn moderation(&self, image: Image) -> Result<Vec<Label>, Error> {
        let found = self.client.detect_moderation_labels().image(image).send().await.map_err(fault)?;
        let label = |label: &aws_sdk_rekognition::types::ModerationLabel| Label {
            name: label.name().unwrap_or_default().to_owned(),
            parent: label.parent_name().unwrap_or_default().to_owned(),
            confidence: percent(label.confidence()),
        };
        Ok(found.moderation_labels().iter().map(label).collect())
    }
}

impl Analyst for Rekognition {
    async fn look(&self, jpeg: Vec<u8>) -> Result<Findings, Error> {
        if jpeg.len() > MAX_BYTES {
            return Err(Error::new(
                Code::Internal,
                format!("a JPEG of {} bytes exceeds the {MAX_BYTES} that Rekognition takes", jpeg.len()),
            ));
        }
        let image = Image::builder().bytes(Blob::new(jpeg)).build();
        let image = || image.clone();
        let faces = maybe(self.wanted.faces, || self.faces(image()));
        let text = maybe(self.wanted.text, || self.text(image()));
        let moderation = maybe(self.wanted.moderation, || self.moderation(image()));
        let (faces, text, moderation) = tokio::try_join!(faces, text, moderation)?;
        Ok(Findings { faces, text, moderation })
    }
}

/// The answer to what is asked, and nothing to what is not.
async fn maybe<T, F: Future<Output = Result<T, Error>>>(is_wanted: bool, ask: impl FnOnce() -> F) -> Result<Option<T>, Error> {
    if is_wanted { ask().await.map(Some) } else { Ok(None) }
}

/// Rounded to what a picture can show: the service's numbers are of single precision, and as doubles would end in noise.
fn rounded(part: Option<f32>, places: f64) -> f64 {
    (f64::from(part.unwrap_or(0.0)) * places).round() / places
}

fn percent(confidence: Option<f32>) -> f64 {
    rounded(confidence, 1e2)
}

fn area(found: Option<&BoundingBox>) -> Area {
    let part = |of: fn(&BoundingBox) -> Option<f32>| rounded(found.and_then(of), 1e5);
    Area { left: part(BoundingBox::left), top: part(BoundingBox::top), width: part(BoundingBox::width), height: part(BoundingBox::height) }
}

fn fault<E: ProvideErrorMetadata + std::error::Error + 'static>(error: SdkError<E>) -> Error {
    let is_refusal = error.code().is_some_and(|code| REFUSALS.contains(&code));
    let code = if is_refusal { Code::Internal } else { Code::StorageUnavailable };
    Error::new(code, format!("Rekognition: {}", phrase(&error)))
}
