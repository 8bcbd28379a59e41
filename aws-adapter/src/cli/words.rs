//! Numbers and metadata in words for people.

use serde_json::Value;

/// A number of bytes: `812 B`, `14.2 kB`, `3.1 MB`.
pub(crate) fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        let digits = usize::from(unit != "B" && value < 99.95);
        if value < 999.5 {
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// What became of `before` bytes: `96 % saved`, `12 % more`, `same size`, `9 times the size`.
pub(crate) fn saved(before: u64, after: u64) -> String {
    match change(before, after) {
        None | Some(0) => String::from("same size"),
        Some(p) if p > 0 => format!("{p} % saved"),
        Some(p) if p > -100 => format!("{} % more", -p),
        Some(_) => format!("{:.0} times the size", after as f64 / before as f64),
    }
}

/// The bytes saved in a narrow column: `96 %`, `-12 %` where there are more than before, `x 9` where there are many more.
pub(crate) fn saved_short(before: u64, after: u64) -> String {
    match change(before, after) {
        None => String::new(),
        Some(p) if p > -100 => format!("{p} %"),
        Some(_) => format!("x {:.0}", after as f64 / before as f64),
    }
}

/// The percentage that is saved; nothing of nothing.
fn change(before: u64, after: u64) -> Option<i64> {
    (before > 0).then(|| ((1.0 - after as f64 / before as f64) * 100.0).round() as i64)
}

/// A duration in milliseconds: `8 ms`, `1.2 s`.
pub(crate) fn duration(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{:.1} s", ms as f64 / 1000.0) }
}

/// A long duration in hours: `1.4 hours`, `12 minutes`, `3 seconds`.
pub(crate) fn hours(hours: f64) -> String {
    let seconds = hours * 3600.0;
    match seconds {
        s if s < 99.5 => count((s.round() as u64).max(1), "second"),
        s if s < 59.5 * 60.0 => count((s / 60.0).round() as u64, "minute"),
        _ if hours < 9.95 => format!("{hours:.1} hours"),
        _ => count(hours.round() as u64, "hour"),
    }
}

/// A count with its noun: `1 picture`, `2 pictures`.
pub(crate) fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// What a camera wrote, as names and values; what tells about a person is marked as private.
pub(crate) fn camera(exif: &Value) -> Vec<(String, String)> {
    let text = |key: &str| exif[key].as_str().map(super::table::plain);
    let number = |key: &str| exif[key].as_f64();
    let joined = |parts: [Option<String>; 2]| {
        let [first, second] = parts.map(Option::unwrap_or_default);
        // Canon and others repeat the maker in the model's name.
        if second.to_lowercase().starts_with(&first.to_lowercase()) { second } else { format!("{first} {second}").trim().to_owned() }
    };
    let exposure: Vec<String> = [
        number("exposureTime").map(shutter),
        number("fNumber").map(|f| format!("f/{f}")),
        number("iso").map(|iso| format!("ISO {iso}")),
        number("focalLength").map(|mm| format!("{mm} mm")),
        number("focalLength35mm").map(|mm| format!("({mm} mm on 35 mm film)")),
        number("exposureBias").filter(|ev| *ev != 0.0).map(|ev| format!("{ev:+.1} EV")),
        exif["flash"].as_bool().filter(|fired| *fired).map(|_| String::from("flash")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let holds: Vec<&str> =
        [("hasThumbnail", "a thumbnail"), ("hasMakerNote", "a maker note (private)"), ("hasSerialNumber", "a serial number (private)")]
            .into_iter()
            .filter(|(key, _)| exif[*key] == true)
            .map(|(_, words)| words)
            .collect();
    [
        ("camera", joined([text("make"), text("model")])),
        ("lens", joined([text("lensMake"), text("lensModel")])),
        ("taken", text("dateTimeOriginal").or_else(|| text("dateTime")).unwrap_or_default().replace('T', " ")),
        ("exposure", exposure.join(", ").replace(", (", " (")),
        ("location", place(&exif["gps"]).map(|place| format!("{place} (private)")).unwrap_or_default()),
        ("description", text("description").unwrap_or_default()),
        ("artist", text("artist").unwrap_or_default()),
        ("copyright", text("copyright").unwrap_or_default()),
        ("software", text("software").unwrap_or_default()),
        ("EXIF holds", holds.join(", ")),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Seconds as a photographer reads them: `1/125 s`, `2.5 s`.
fn shutter(seconds: f64) -> String {
    let inverse = 1.0 / seconds;
    if seconds < 0.3 && inverse.is_finite() { format!("1/{inverse:.0} s") } else { format!("{seconds} s") }
}

/// A place: `47.3769° N, 8.5417° E, 408 m`.
pub(crate) fn place(gps: &Value) -> Option<String> {
    let half =
        |value: f64, [positive, negative]: [&str; 2]| format!("{:.4}° {}", value.abs(), if value < 0.0 { negative } else { positive });
    let latitude = half(gps["latitude"].as_f64()?, ["N", "S"]);
    let longitude = half(gps["longitude"].as_f64()?, ["E", "W"]);
    let altitude = gps["altitude"].as_f64().map(|meters| format!(", {meters:.0} m")).unwrap_or_default();
    Some(format!("{latitude}, {longitude}{altitude}"))
}

/// A number with its thousands apart: `3,204,112`.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&groups.join(&b","[..])).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bytes_keep_three_digits() {
        for (count, words) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (99_949, "99.9 kB"),
            (99_950, "100 kB"),
            (999_600, "1.0 MB"),
            (3_204_112, "3.2 MB"),
        ] {
            assert_eq!(bytes(count), words);
        }
        assert_eq!(thousands(3_204_112), "3,204,112");
        assert_eq!(thousands(12), "12");
    }

    #[test]
    fn hours_are_told_in_the_unit_that_fits() {
        for (value, words) in [
            (0.0, "1 second"),
            (3.0 / 3600.0, "3 seconds"),
            (0.2, "12 minutes"),
            (1.44, "1.4 hours"),
            (5.04, "5.0 hours"),
            (48.2, "48 hours"),
        ] {
            assert_eq!(hours(value), words);
        }
    }

    #[test]
    fn saved_names_the_direction() {
        assert_eq!(saved(1000, 40), "96 % saved");
        assert_eq!(saved(1000, 1120), "12 % more");
        assert_eq!(saved(1000, 1000), "same size");
        assert_eq!(saved(1000, 9100), "9 times the size");
        assert_eq!(
            (saved_short(1000, 40), saved_short(1000, 1120), saved_short(1000, 9100)),
            ("96 %".into(), "-12 %".into(), "x 9".into())
        );
    }

    #[test]
    fn a_camera_is_told_in_a_photographers_words() {
        let exif = json!({
            "make": "Canon", "model": "Canon EOS R5", "exposureTime": 0.008, "fNumber": 2.8, "iso": 100,
            "dateTimeOriginal": "2026-05-04T03:02:01", "gps": { "latitude": -33.8568, "longitude": 151.2153, "altitude": 4.6 },
        });
        let told = camera(&exif);
        let value = |name: &str| told.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(value("camera"), Some("Canon EOS R5"));
        assert_eq!(value("exposure"), Some("1/125 s, f/2.8, ISO 100"));
        assert_eq!(value("taken"), Some("2026-05-04 03:02:01"));
        assert_eq!(value("location"), Some("33.8568° S, 151.2153° E, 5 m (private)"));
        assert_eq!(value("artist"), None);
    }
}
