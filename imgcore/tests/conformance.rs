//! The golden vectors: for each input and recipe the hash of the output, or the code of the error.
//!
//! `UPDATE_REFERENCES=1` fills in vectors that have no expectation yet. It refuses to change one that has, unless `OUTPUT_REVISION`
//! was raised: whoever keeps bytes by our keys must learn of it.
//!
//! `IMGCORE_LEVEL` says on what processor they are replayed, where that is the point: without it an emulator that offers more than it was asked to
//! would go unseen.

use std::path::PathBuf;
use std::{env, fs};

use fearless_simd::Level;
use imgcore::{Context, Limits, OUTPUT_REVISION, Output, Recipe};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// What a case gives: the hash and the looks of its output, or a code.
fn outcome(case: &Value) -> Value {
    let run = || -> Result<Output, imgcore::Error> {
        let recipe = Recipe::from_json(&case["recipe"].to_string())?;
        let limits = case.get("limits").map(|limits| Limits::from_json(&limits.to_string())).transpose()?.unwrap_or_default();
        let input = fs::read(data().join(case["input"].as_str().expect("an input"))).expect("an input beside the vectors");
        imgcore::convert(&input, &recipe, &Context::with_limits(limits))
    };
    match run() {
        Ok(output) => {
            let report = &output.report;
            assert_eq!(report.sha256, hex(&Sha256::digest(&output.data)), "the report tells the truth");
            json!({ "sha256": report.sha256, "format": report.format, "width": report.width, "height": report.height, "bytes": report.bytes })
        }
        Err(error) => json!({ "code": error.code() }),
    }
}

/// The level that our kernels choose here, and of what: the features that the crates under us look for.
fn level() -> String {
    let name = format!("{:?}", Level::new());
    let name = name.split('(').next().unwrap_or_default();
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as detected;

        let features = [
            ("sse3", detected!("sse3")),
            ("ssse3", detected!("ssse3")),
            ("sse4.1", detected!("sse4.1")),
            ("sse4.2", detected!("sse4.2")),
            ("avx", detected!("avx")),
            ("fma", detected!("fma")),
            ("avx2", detected!("avx2")),
            ("avx512f", detected!("avx512f")),
        ];
        features.into_iter().filter(|(_, is_there)| *is_there).fold(name.to_owned(), |line, (feature, _)| line + " " + feature)
    }
    #[cfg(not(target_arch = "x86_64"))]
    name.to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One hash over the first `count` expectations, kept for each revision: adding vectors at the end does not change it.
fn digest(cases: &[Value], count: usize) -> String {
    let mut sha = Sha256::new();
    for case in &cases[..count] {
        sha.update(format!("{} {}\n", case["name"], case["expect"]));
    }
    hex(&sha.finalize())
}

#[test]
fn the_vectors_hold() {
    let level = level();
    if let Some(asked) = env::var_os("IMGCORE_LEVEL").filter(|asked| !asked.is_empty()) {
        assert_eq!(asked, level.as_str(), "the processor is another than was asked for");
    }
    let path = data().join("conformance.json");
    let mut file: Value = serde_json::from_str(&fs::read_to_string(&path).expect("the vectors")).expect("JSON");
    let update = env::var_os("UPDATE_REFERENCES").is_some();
    let raised = file["outputRevision"] != OUTPUT_REVISION;
    let revision = OUTPUT_REVISION.to_string();
    let mut cases = file["cases"].as_array().expect("a list of cases").clone();
    let mut wrong = Vec::new();
    for case in &mut cases {
        let found = outcome(case);
        if update && (raised || case.get("expect").is_none()) {
            case["expect"] = found;
        } else if case["expect"] != found {
            wrong.push(format!("{}: expected {}, found {found}", case["name"], case["expect"]));
        }
    }
    eprintln!("{} of {} vectors hold, level: {level}", cases.len() - wrong.len(), cases.len());
    assert!(wrong.is_empty(), "raise OUTPUT_REVISION where these changes are meant:\n{}", wrong.join("\n"));
    if update {
        file["outputRevision"] = OUTPUT_REVISION.into();
        let known = file["digests"][&revision].clone();
        file["digests"][&revision] = json!({ "count": cases.len(), "sha256": digest(&cases, cases.len()) });
        if let Some(count) = known["count"].as_u64().filter(|_| !raised) {
            assert_eq!(known["sha256"], digest(&cases, count as usize), "vectors were changed, reordered or removed within a revision");
        }
        file["cases"] = cases.into();
        fs::write(&path, serde_json::to_string_pretty(&file).expect("JSON") + "\n").expect("the vectors can be written");
        return;
    }
    let known = &file["digests"][&revision];
    let count = known["count"].as_u64().expect("a digest for this revision") as usize;
    assert!(cases.len() >= count.max(60), "vectors were removed");
    assert_eq!(known["sha256"], digest(&cases, count), "vectors were changed within a revision");
}

/// No vector may rest on a fault: an `internal` error is a contained panic.
#[test]
fn no_vector_expects_a_fault_of_ours() {
    let file: Value = serde_json::from_str(&fs::read_to_string(data().join("conformance.json")).expect("the vectors")).expect("JSON");
    let codes: Vec<&str> = file["cases"].as_array().expect("cases").iter().filter_map(|case| case["expect"]["code"].as_str()).collect();
    assert!(codes.len() > 10 && codes.iter().all(|code| *code != "internal"), "{codes:?}");
}
