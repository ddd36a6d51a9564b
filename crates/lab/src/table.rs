//! A table for three kinds of readers: the report's, a terminal's, a README's.

/// Words in the first columns, numbers in the others.
pub struct Table {
    /// Names of the columns.
    pub header: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
    /// The first column of numbers.
    pub numbers_from: usize,
}

impl Table {
    /// Adds a column, a cell to each row.
    pub fn add_column(&mut self, name: &'static str, cells: impl Iterator<Item = String>) {
        self.header.push(name);
        self.rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(cell));
    }

    /// For a terminal.
    pub fn plain(&self) -> String {
        let header = self.header.iter().map(|name| name.to_string()).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&header).chain(&self.rows).collect();
        let widths: Vec<_> = (0..header.len())
            .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in lines {
            let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                if column < self.numbers_from { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            text += cells.collect::<Vec<_>>().join("  ").trim_end();
            text.push('\n');
        }
        text
    }

    /// For a README.
    pub fn markdown(&self) -> String {
        let rules = (0..self.header.len()).map(|column| if column < self.numbers_from { "---" } else { "---:" });
        let mut text = format!("| {} |\n|{}|\n", self.header.join(" | "), rules.collect::<Vec<_>>().join("|"));
        for row in &self.rows {
            text += &format!("| {} |\n", row.join(" | "));
        }
        text
    }
}

/// A number with a minus of its own, and none where it is nothing.
pub fn signed(number: String) -> String {
    let is_nothing = number.chars().all(|character| !('1'..='9').contains(&character));
    number.replace('-', if is_nothing { "" } else { "−" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_on_the_right() {
        let rows = vec![vec!["longer".into(), "1".into()], vec!["b".into(), "2,345".into()]];
        let mut table = Table { header: vec!["Name", "Sum"], rows, numbers_from: 1 };
        assert_eq!(table.markdown(), "| Name | Sum |\n|---|---:|\n| longer | 1 |\n| b | 2,345 |\n");
        table.add_column("Time", ["9 s", "10 s"].map(String::from).into_iter());
        assert_eq!(table.plain(), "Name      Sum  Time\nlonger      1   9 s\nb       2,345  10 s\n");
    }
}
