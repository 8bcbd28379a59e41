//! The caller's hold on running work: it hears every stage, and can end the work in each.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use imgcore::{Context, Encode, Layout, Picture, Raster, Recipe, Resize, Stage};

fn file() -> Vec<u8> {
    let raster = Raster::from_u8(64, 300, Layout::Gray, (0..64 * 300).map(|i| (i % 251) as u8).collect()).expect("a raster");
    imgcore::convert_pixels(Picture::still(raster), &Recipe::default().encode(Encode::png()), &Context::default()).expect("a PNG").data
}

#[test]
fn the_stages_come_in_order() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = heard.clone();
    let ctx = Context::default().with_control(move |stage: Stage| {
        ear.lock().expect("one thread").push(stage);
        true
    });
    imgcore::convert(&file(), &Recipe::default().resize(Resize::width(20)), &ctx).expect("nobody objected");
    let mut heard = heard.lock().expect("one thread").clone();
    assert!(heard.iter().filter(|stage| **stage == Stage::Decode).count() > 1, "decoding tells of its progress");
    heard.dedup();
    assert_eq!(heard, [Stage::Probe, Stage::Plan, Stage::Decode, Stage::Render, Stage::Encode]);
}

#[test]
fn a_refusal_at_any_call_cancels() {
    let file = file();
    let recipe = Recipe::default().resize(Resize::width(20));
    for allowed in 0.. {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = calls.clone();
        let ctx = Context::default().with_control(move |_: Stage| count.fetch_add(1, Ordering::Relaxed) < allowed);
        match imgcore::convert(&file, &recipe, &ctx) {
            Err(error) => {
                assert_eq!(error.code(), "cancelled");
                assert_eq!(calls.load(Ordering::Relaxed), allowed + 1, "nothing runs on after a refusal");
            }
            Ok(_) => {
                assert!(allowed >= 5, "each of the five stages asks");
                return;
            }
        }
    }
}
