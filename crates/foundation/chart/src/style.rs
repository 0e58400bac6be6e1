//! The look of every chart on a page, for bright and dark screens and for paper. Knows no shape.

/// The style sheet that a page with charts holds once.
///
/// It names colours as custom properties that a page may set anew: `--chart-ink` for text and axes, `--chart-faint` for
/// grids, `--chart-paper` for what lies behind text, `--chart-1` to `--chart-6` for series, `--chart-good` and
/// `--chart-bad` for verdicts. Backgrounds are left to the page.
pub const STYLE: &str = include_str!("style.css");

#[cfg(test)]
mod tests {
    use super::STYLE;

    const NAMES: [&str; 9] = ["1", "2", "3", "4", "5", "6", "good", "bad", "ink"];

    /// Each look: what stands before its colours in the sheet, and what they are seen on.
    const LOOKS: [(&str, &str); 3] =
        [("", "#ffffff"), ("(prefers-color-scheme: dark)", "#15181c"), ("@media print", "#ffffff")];

    /// The colours of the first block after a mark, by their names without `--chart-`.
    fn colours(mark: &str) -> Vec<(&str, [f64; 3])> {
        let block = STYLE.split_once(mark).unwrap().1.split_once(":root").unwrap().1.split_once('}').unwrap().0;
        let pairs = block.split("--chart-").skip(1).filter_map(|pair| pair.split_once(": "));
        pairs.map(|(name, value)| (name, light(value.split_once(';').unwrap().0))).collect()
    }

    /// The shares of red, green and blue light, by the curve of sRGB.
    fn light(hex: &str) -> [f64; 3] {
        let digits = hex.strip_prefix('#').filter(|digits| digits.len() == 6).unwrap();
        [0, 2, 4].map(|from| {
            let share = f64::from(u8::from_str_radix(&digits[from..from + 2], 16).unwrap()) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn mixed(rows: &[[f64; 3]; 3], light: [f64; 3]) -> [f64; 3] {
        rows.map(|row| row.iter().zip(light).map(|(weight, part)| weight * part).sum::<f64>().clamp(0.0, 1.0))
    }

    /// As WCAG 2.2 defines it.
    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let luminance = |[red, green, blue]: [f64; 3]| 0.05 + 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        let (one, other) = (luminance(one), luminance(other));
        one.max(other) / one.min(other)
    }

    /// How different two colours look, as CIE 1976 defines it: about 2 can just be seen.
    fn difference(one: [f64; 3], other: [f64; 3]) -> f64 {
        const XYZ: [[f64; 3]; 3] = [[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0177, 0.1095, 0.8728]];
        let lab = |light| {
            let curve = |part: f64| if part > 0.008_856 { part.cbrt() } else { 7.787 * part + 16.0 / 116.0 };
            let [x, y, z] = mixed(&XYZ, light).map(curve);
            [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
        };
        let squares = lab(one).into_iter().zip(lab(other)).map(|(one, other)| (one - other).powi(2));
        squares.sum::<f64>().sqrt()
    }

    #[test]
    fn lines_stand_out_from_every_paper() {
        for (mark, paper) in LOOKS {
            let colours = colours(mark);
            for name in NAMES {
                let (_, colour) = colours.iter().find(|(known, _)| *known == name).unwrap();
                let (least, found) = (if name == "ink" { 7.0 } else { 3.0 }, contrast(*colour, light(paper)));
                assert!(found >= least, "{mark} --chart-{name}: {found:.2}");
            }
        }
        assert!((contrast(light("#767676"), light("#ffffff")) - 4.54).abs() < 0.01);
    }

    /// What is seen without the cones for long, middle and short waves: Machado, Oliveira and Fernandes, "A
    /// Physiologically-based Model for Simulation of Color Vision Deficiency", 2009, at full severity.
    const EYES: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
        [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_82, 0.042_94, 0.968_881]],
        [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_9]],
    ];

    #[test]
    fn series_differ_to_all_eyes() {
        for (mark, _) in LOOKS {
            let series: Vec<_> = colours(mark).into_iter().filter(|(name, _)| name.len() == 1).collect();
            assert_eq!(series.len(), 6);
            for (eyes, (index, (name, colour))) in
                EYES.iter().flat_map(|eyes| series.iter().enumerate().map(move |one| (eyes, one)))
            {
                for (other, other_colour) in &series[index + 1..] {
                    let found = difference(mixed(eyes, *colour), mixed(eyes, *other_colour));
                    assert!(found >= 15.0, "{mark} {name} and {other}: {found:.1} {eyes:?}");
                }
            }
        }
    }

    #[test]
    fn every_class_that_is_drawn_has_a_look() {
        let classes = "axis grid line area band whisker mark label tick span rule bar good bad unclear spark s1 s6";
        for class in classes.split(' ') {
            assert!(STYLE.contains(&format!(".{class} ")) || STYLE.contains(&format!(".{class},")), "{class}");
        }
        assert_eq!(STYLE.matches('{').count(), STYLE.matches('}').count());
    }
}
