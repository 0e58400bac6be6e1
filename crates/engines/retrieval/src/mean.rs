//! What vectors have in common, and what a vector says beyond it. Sums are whole numbers, so that the order in which
//! documents came and went changes nothing.

use lanes::Lanes;
use search::Vector;

/// What a whole number stands for: numbers of unit vectors fit 2³⁹ times.
const ONE: f32 = 16_777_216.0;
/// Of fewer vectors the mean says more about each of them than about what they have in common.
const LEAST: usize = 20;

/// A sum of vectors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    numbers: Vec<i64>,
    count: usize,
}

impl Sum {
    /// Adds a vector; all are of one length.
    pub(crate) fn add(&mut self, vector: &[f32]) {
        self.numbers.resize(vector.len(), 0);
        self.numbers.iter_mut().zip(vector).for_each(|(sum, one)| *sum += whole(*one));
        self.count += 1;
    }

    /// Takes out a vector that was added.
    pub(crate) fn subtract(&mut self, vector: &[f32]) {
        self.numbers.iter_mut().zip(vector).for_each(|(sum, one)| *sum -= whole(*one));
        self.count = self.count.saturating_sub(1);
    }

    /// Adds all of another sum.
    pub(crate) fn join(&mut self, other: &Self) {
        self.numbers.resize(other.numbers.len(), 0);
        self.numbers.iter_mut().zip(&other.numbers).for_each(|(sum, one)| *sum += one);
        self.count += other.count;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The mean, not of unit length; `None` of too few.
    pub(crate) fn mean(&self) -> Option<Vec<f32>> {
        let scale = f64::from(ONE) * self.count as f64;
        (self.count >= LEAST).then(|| self.numbers.iter().map(|sum| (*sum as f64 / scale) as f32).collect())
    }
}

/// The nearest whole number. Not by `round`, which is a call where the processor is not known.
fn whole(number: f32) -> i64 {
    let scaled = f64::from(number) * f64::from(ONE);
    (scaled + 0.5_f64.copysign(scaled)) as i64
}

/// What vectors say beyond what all of them have in common.
pub(crate) struct Centre {
    mean: Option<Vec<f32>>,
    mean_squared: f32,
}

impl Centre {
    pub(crate) fn new(mean: Option<Vec<f32>>) -> Self {
        let mean_squared = mean.as_ref().map_or(0.0, |mean| dot(mean, mean));
        Self { mean, mean_squared }
    }

    /// How much of a vector all have in common: its product with the mean.
    pub(crate) fn common(&self, vector: &[f32]) -> f32 {
        self.mean.as_ref().filter(|mean| mean.len() == vector.len()).map_or(0.0, |mean| dot(vector, mean))
    }

    /// How long a document of unit length is less the mean; nothing of one that is the mean itself.
    pub(crate) fn rest(&self, document: &[f32]) -> f32 {
        let Some(mean) = self.mean.as_ref().filter(|mean| mean.len() == document.len()) else { return 1.0 };
        let squared = 1.0 - 2.0 * dot(document, mean) + self.mean_squared;
        if squared < 1e-6 { 0.0 } else { squared.sqrt() }
    }
}

/// The cosine of a question, as it is, and a document less the mean: from the product of both, what of the question all have
/// in common, and what is left of the document, of which nothing says nothing.
pub(crate) fn beyond(product: f32, common: f32, rest: f32) -> f32 {
    if rest > 0.0 { (product - common) / rest } else { 0.0 }
}

/// A question moved a little towards the documents that seem to answer it, of unit length.
pub(crate) fn moved(question: &[f32], towards: &[Vector], share: f32) -> Vec<f32> {
    let mut moved = question.to_vec();
    for vector in towards.iter().filter(|vector| vector.len() == question.len()) {
        let part = share / towards.len() as f32;
        moved.iter_mut().zip(vector.iter()).for_each(|(sum, one)| *sum += one * part);
    }
    let length = dot(&moved, &moved).sqrt();
    if length > 1e-6 {
        moved.iter_mut().for_each(|one| *one /= length);
    }
    moved
}

/// The product of two vectors.
pub(crate) fn dot(one: &[f32], other: &[f32]) -> f32 {
    Lanes::best().dot_f32(one, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(at: usize) -> Vec<f32> {
        let (sin, cos) = (at as f32).sin_cos();
        vec![0.8, 0.6 * sin, 0.6 * cos, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    }

    #[test]
    fn a_sum_does_not_tell_in_which_order_it_was_made() {
        let (mut there, mut back) = (Sum::default(), Sum::default());
        (0..30).for_each(|at| there.add(&unit(at)));
        (0..40).rev().for_each(|at| back.add(&unit(at)));
        (30..40).for_each(|at| back.subtract(&unit(at)));
        assert_eq!(there, back);
        let (mut first, mut second) = (Sum::default(), Sum::default());
        (0..11).for_each(|at| first.add(&unit(at)));
        (11..30).for_each(|at| second.add(&unit(at)));
        assert_eq!((first.mean(), second.mean()), (None, None), "too few");
        first.join(&second);
        assert_eq!(first, there);
        assert!((there.mean().unwrap()[0] - 0.8).abs() < 1e-6);
    }

    #[test]
    fn what_all_have_in_common_says_nothing() {
        let mut sum = Sum::default();
        (0..1_000).for_each(|at| sum.add(&unit(at)));
        let mean = sum.mean().unwrap();
        let (plain, centred) = (Centre::new(None), Centre::new(Some(mean.clone())));
        let near = |centre: &Centre, one: &[f32], other: &[f32]| {
            beyond(dot(one, other), centre.common(one), centre.rest(other))
        };
        // Two documents of opposite meanings, alike only in what all have in common.
        let (one, other) = (unit(0), vec![0.8, 0.0, -0.6, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!((near(&plain, &one, &other) - 0.28).abs() < 1e-6);
        assert!((near(&centred, &one, &other) + 0.6).abs() < 0.01, "{}", near(&centred, &one, &other));
        assert_eq!(near(&Centre::new(Some(one.clone())), &mean, &one), 0.0, "the mean itself says nothing");
    }

    #[test]
    fn a_question_moves_towards_answers_and_keeps_its_length() {
        let near = moved(&unit(0), &[unit(1).into(), unit(1).into()], 0.1);
        assert!((dot(&near, &near) - 1.0).abs() < 1e-6);
        assert!(dot(&near, &unit(1)) > dot(&unit(0), &unit(1)));
        let unmoved = moved(&unit(0), &[], 0.1);
        assert!(dot(&unmoved, &unit(0)) > 0.999);
    }
}
