//! Columns that line up, whatever the script of the names, and colors where they are seen.

use std::io::IsTerminal;

use console::{Style, measure_text_width, pad_str, truncate_str};

pub(crate) use console::Alignment;

/// Whether standard output shows colors: a terminal, and nobody said no.
pub(crate) fn has_color() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// A text in a style, or plain.
pub(crate) fn paint(text: &str, style: &Style, color: bool) -> String {
    style.clone().force_styling(color).apply_to(text).to_string()
}

/// Lays rows out below a head. The last cell of a short row is a remark: it takes the place of all further cells.
pub(crate) fn columns(head: &[(&str, Alignment)], rows: &[Vec<String>], color: bool) -> String {
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(i, (name, _))| {
            let is_remark = |row: &Vec<String>| i + 1 == row.len() && row.len() < head.len();
            let cells = rows.iter().filter(|row| !is_remark(row)).filter_map(|row| row.get(i)).map(|cell| measure_text_width(cell));
            cells.chain([measure_text_width(name)]).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    let names = head.iter().map(|(name, _)| paint(name, &Style::new().dim(), color)).collect();
    for row in std::iter::once(&names).chain(rows) {
        let cells = row.iter().zip(head).zip(&widths).enumerate().map(|(i, ((cell, (_, alignment)), width))| {
            let is_remark = i + 1 == row.len() && row.len() < head.len();
            if is_remark { cell.into() } else { pad_str(cell, *width, *alignment, None) }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Lays out names and values; a value of several lines is indented.
pub(crate) fn list(items: &[(String, String)], color: bool) -> String {
    let width = items.iter().map(|(name, _)| measure_text_width(name)).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in items {
        let mut name = paint(&pad_str(name, width, Alignment::Left, None), &Style::new().dim(), color);
        for line in value.lines() {
            text.push_str(format!("{name}  {line}").trim_end());
            text.push('\n');
            name = " ".repeat(width);
        }
    }
    text
}

/// At most so many columns of a text, control characters replaced: names come from strangers, and a terminal obeys them.
pub(crate) fn clip(text: &str, width: usize) -> String {
    truncate_str(&plain(text), width, "…").into_owned()
}

/// A text whose control characters, and those that turn the line around, are replaced.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_count_twice() {
        let head = [("name", Alignment::Left), ("bytes", Alignment::Right)];
        let rows = [vec!["写真.jpg".to_owned(), "12".to_owned()], vec!["a.jpg".to_owned(), "7".to_owned()]];
        assert_eq!(columns(&head, &rows, false), "name      bytes\n写真.jpg     12\na.jpg         7\n");
    }

    #[test]
    fn a_remark_takes_the_place_of_the_cells_that_are_not_there() {
        let head = [("a", Alignment::Left), ("b", Alignment::Left), ("c", Alignment::Left)];
        let rows = [vec!["1".to_owned(), "a long remark".to_owned()], vec!["1".to_owned(), "2".to_owned(), "3".to_owned()]];
        assert_eq!(columns(&head, &rows, false), "a  b  c\n1  a long remark\n1  2  3\n");
    }

    #[test]
    fn a_list_indents_further_lines() {
        let items = [("a".to_owned(), "1\n2".to_owned()), ("long".to_owned(), "3".to_owned())];
        assert_eq!(list(&items, false), "a     1\n      2\nlong  3\n");
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        assert_eq!(plain("a\x1b[31m\u{202e}b"), "a\u{fffd}[31m\u{fffd}b");
        assert_eq!(clip("abcdef", 4), "abc…");
    }

    #[test]
    fn paint_is_plain_without_color() {
        assert_eq!(paint("x", &Style::new().red(), false), "x");
        assert_eq!(paint("x", &Style::new().red(), true), "\x1b[31mx\x1b[0m");
    }
}
