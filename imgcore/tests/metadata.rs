//! What leaves with a result: nothing unless it is asked for by name, and then a block of our own.

use std::fs;
use std::path::Path;

use imgcore::{Context, Output, Recipe, probe};

fn converted(input: &str, recipe: &str) -> Output {
    let file = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(input)).expect("an input");
    imgcore::convert(&file, &Recipe::from_json(recipe).expect("a recipe"), &Context::default()).expect("a result")
}

#[test]
fn nothing_leaves_by_default() {
    for format in [r#""jpeg""#, r#""png""#, r#""webp","lossless":true"#, r#""gif""#] {
        let output = converted("jpeg-gps.jpg", &format!(r#"{{"encode":{{"format":{format}}}}}"#));
        let header = probe(&output.data, &Context::default()).expect("a file of our own");
        assert_eq!((header.exif, header.profile, header.has_xmp, header.has_iptc), (None, None, false, false), "{format}");
    }
}

#[test]
fn exif_is_kept_by_name_and_the_location_only_by_its_own() {
    for format in [r#""jpeg""#, r#""png""#, r#""webp","lossless":true"#] {
        let kept = |words: &str| {
            let output = converted("jpeg-gps.jpg", &format!(r#"{{"metadata":[{words}],"encode":{{"format":{format}}}}}"#));
            probe(&output.data, &Context::default()).expect("a file of our own").exif
        };
        let exif = kept(r#""exif""#).expect("the camera's values");
        assert!(exif.make.is_some() && exif.exposure_time.is_some(), "{exif:?}");
        assert_eq!((exif.gps, exif.has_thumbnail, exif.has_maker_note), (None, false, false));
        assert!(kept(r#""exif","gps""#).expect("values").gps.is_some());
        let place = kept(r#""gps""#).expect("the location");
        assert!(place.gps.is_some() && place.make.is_none(), "{place:?}");
    }
}

#[test]
fn a_gif_says_that_it_holds_no_exif() {
    let output = converted("jpeg-gps.jpg", r#"{"metadata":["exif"],"encode":{"format":"gif"}}"#);
    assert_eq!(output.report.warnings.last().map(|warning| warning.code), Some("metadata_dropped"));
}
