//! stub
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
/// x
pub struct Exif {}
pub(crate) fn read_exif(_b: &[u8]) -> Result<Exif, String> {
    Err(String::new())
}
pub(crate) fn orientation(_b: &[u8]) -> Option<u16> {
    None
}
