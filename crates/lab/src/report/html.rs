//! The page around the plots: one file without scripts or outside resources, for light and dark screens.

use std::fmt::Write;

/// The page's style.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6577;--line:#d9dee6;--page:#fbfcfd;--card:#fff;--accent:#0f766e}\
@media(prefers-color-scheme:dark){\
:root{--ink:#e6e9ef;--soft:#9aa5b8;--line:#2c3442;--page:#10141b;--card:#171d27;--accent:#4fd1c1}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,sans-serif}\
main{max-width:1040px;margin:0 auto;padding:40px 24px 64px}\
h1{font-size:27px;line-height:1.2;margin:0 0 8px}\
h2{font-size:20px;margin:44px 0 6px}\
p{margin:0 0 12px;max-width:76ch}\
.soft,figcaption,th{color:var(--soft)}\
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:12px;margin:24px 0}\
.number{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}\
.number b{display:block;font-size:24px;line-height:1.25;color:var(--accent)}\
.number span{font-size:14px;color:var(--soft)}\
figure{margin:12px 0 0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px 10px}\
figure svg{width:100%;height:auto;display:block}\
figcaption{font-size:14px;margin-top:4px;max-width:100ch}\
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:14px;margin-bottom:2px}\
.legend i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px;vertical-align:-1px}\
.scroll{overflow-x:auto;margin:8px 0 14px}\
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:6px 14px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}\
th{font-weight:600}\
.right{text-align:right}";

/// Text with what HTML would take for markup written out.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A page under construction.
pub struct Page {
    body: String,
}

impl Page {
    /// A page with its title and what it is about.
    pub fn new(title: &str, introduction: &str) -> Self {
        let body = format!("<h1>{}</h1>\n<p class=\"soft\">{}</p>\n", escape(title), escape(introduction));
        Self { body }
    }

    fn push(&mut self, text: std::fmt::Arguments) {
        // Writing to a string does not fail.
        let _ = self.body.write_fmt(text);
    }

    /// The headline numbers: value and what it is.
    pub fn numbers(&mut self, numbers: &[(String, impl AsRef<str>)]) {
        self.push(format_args!("<div class=\"numbers\">\n"));
        for (value, label) in numbers {
            self.push(format_args!(
                "<div class=\"number\"><b>{}</b><span>{}</span></div>\n",
                escape(value),
                escape(label.as_ref())
            ));
        }
        self.push(format_args!("</div>\n"));
    }

    /// A heading.
    pub fn heading(&mut self, text: &str) {
        self.push(format_args!("<h2>{}</h2>\n", escape(text)));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        self.push(format_args!("<p>{}</p>\n", escape(text)));
    }

    /// A plot with its legend and what it shows.
    pub fn figure(&mut self, svg: &str, legend: &[(&str, (u8, u8, u8))], caption: &str) {
        self.push(format_args!("<figure>\n<div class=\"legend\">"));
        for (name, (red, green, blue)) in legend {
            self.push(format_args!(
                "<span><i style=\"background:#{red:02x}{green:02x}{blue:02x}\"></i>{}</span>",
                escape(name)
            ));
        }
        self.push(format_args!("</div>\n{svg}\n<figcaption>{}</figcaption>\n</figure>\n", escape(caption)));
    }

    /// A table. Columns from `numbers_from` on are right-aligned.
    pub fn table(&mut self, header: &[&str], rows: &[Vec<String>], numbers_from: usize) {
        let class = |column: usize| if column >= numbers_from { " class=\"right\"" } else { "" };
        self.push(format_args!("<div class=\"scroll\"><table>\n<tr>"));
        for (column, cell) in header.iter().enumerate() {
            self.push(format_args!("<th{}>{}</th>", class(column), escape(cell)));
        }
        self.push(format_args!("</tr>\n"));
        for row in rows {
            self.push(format_args!("<tr>"));
            for (column, cell) in row.iter().enumerate() {
                self.push(format_args!("<td{}>{}</td>", class(column), escape(cell)));
            }
            self.push(format_args!("</tr>\n"));
        }
        self.push(format_args!("</table></div>\n"));
    }

    /// The whole file.
    pub fn finish(self, title: &str) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width,initial-scale=1\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n\
             <body>\n<main>\n{}</main>\n</body>\n</html>\n",
            escape(title),
            self.body
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let mut page = Page::new("a < b", "x & y");
        page.table(&["<th>"], &[vec!["\"".into()]], 0);
        let html = page.finish("t");
        assert!(html.contains("a &lt; b") && html.contains("x &amp; y") && html.contains("&lt;th&gt;"));
        assert!(html.contains("<td class=\"right\">&quot;</td>"));
    }
}
