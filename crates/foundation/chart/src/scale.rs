//! Scales: where on an axis a value stands, and how far an axis has to reach. Knows no text.

use crate::Unit;
use crate::ticks;

/// How values are laid out along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Evenly; upwards always with zero, so that a small change looks small.
    #[default]
    Linear,
    /// Evenly, and no further than the values go: for what lives far from zero, such as an availability.
    Zoom,
    /// By powers of ten. What is not above zero has no place and is left out.
    Log,
    /// For quantiles from 0 up to but without 1, by powers of ten of 1/(1−q): 90 %, 99 % and 99.9 % lie evenly, as in
    /// plots of HdrHistogram. What lies outside is left out. The unit of such an axis is always a percentage.
    Quantile,
}

/// Larger sizes than this are left out, smaller ones than its inverse are nothing: differences and steps would not be
/// numbers any more.
const SIZE_MAX: f64 = 1e280;

impl Scale {
    /// Where a value lies before it is stretched to pixels; `None` where it has no place.
    pub(crate) fn place(self, value: f64) -> Option<f64> {
        let value = if value.abs() < 1.0 / SIZE_MAX { 0.0 } else { value };
        match self {
            Self::Linear | Self::Zoom => (value.abs() <= SIZE_MAX).then_some(value),
            Self::Log => (value > 0.0 && value <= SIZE_MAX).then(|| value.log10()),
            Self::Quantile => (0.0..1.0).contains(&value).then(|| -(-value).ln_1p() / std::f64::consts::LN_10),
        }
    }
}

/// A stretch of places that grows with what it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reach {
    pub(crate) lo: f64,
    pub(crate) hi: f64,
}

impl Reach {
    /// From the first to the last of some places; `None` without any.
    pub(crate) fn over(places: impl Iterator<Item = f64>) -> Option<Self> {
        places.fold(None, |reach, at| {
            let Self { lo, hi } = reach.unwrap_or(Self { lo: at, hi: at });
            Some(Self { lo: lo.min(at), hi: hi.max(at) })
        })
    }

    /// Makes one place a stretch that has it in the middle.
    pub(crate) fn widened(self, scale: Scale) -> Self {
        if self.hi > self.lo {
            return self;
        }
        let by = match scale {
            Scale::Linear | Scale::Zoom if self.lo != 0.0 => self.lo.abs() / 10.0,
            Scale::Linear | Scale::Zoom => 1.0,
            // Half of it and twice as much.
            Scale::Log | Scale::Quantile => std::f64::consts::LOG10_2,
        };
        let lo = if scale == Scale::Quantile { (self.lo - by).max(0.0) } else { self.lo - by };
        Self { lo, hi: self.hi + by }
    }

    /// What an upright axis shows: with zero where the scale has it, and up to the next even value on either side.
    pub(crate) fn upright(self, scale: Scale, unit: Unit, most: usize) -> Self {
        let reach = match scale {
            Scale::Linear if self.lo == 0.0 && self.hi == 0.0 => Self { lo: 0.0, hi: 1.0 },
            Scale::Linear => Self { lo: self.lo.min(0.0), hi: self.hi.max(0.0) },
            _ => self.widened(scale),
        };
        ticks::rounded(reach, scale, unit, most)
    }
}

/// Places stretched over pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ruler {
    pub(crate) scale: Scale,
    pub(crate) reach: Reach,
    /// The pixels of the first and of the last place.
    pub(crate) pixels: (f64, f64),
}

impl Ruler {
    /// The pixel of a value; `None` where it has no place.
    pub(crate) fn pixel(&self, value: f64) -> Option<f64> {
        self.scale.place(value).map(|place| self.stretch(place))
    }

    /// The pixel of a value, or of the end of the axis beyond which it lies; `None` for what is no number.
    pub(crate) fn edge(&self, value: f64) -> Option<f64> {
        let beyond = if value > 0.0 { self.reach.hi } else { self.reach.lo };
        let place = self.scale.place(value).unwrap_or(beyond);
        (!value.is_nan()).then(|| self.stretch(place.clamp(self.reach.lo, self.reach.hi)))
    }

    /// The pixels of a lower and an upper bound, in whichever order they come; `None` if either is no number.
    pub(crate) fn bounds(&self, (one, other): (f64, f64)) -> Option<(f64, f64)> {
        let (one, other) = (self.edge(one)?, self.edge(other)?);
        let upwards = self.pixels.0 > self.pixels.1;
        Some(if (one > other) == upwards { (one, other) } else { (other, one) })
    }

    /// The pixel of a place.
    pub(crate) fn stretch(&self, place: f64) -> f64 {
        let (first, last) = self.pixels;
        let share = (place - self.reach.lo) / (self.reach.hi - self.reach.lo);
        first + share * (last - first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_place_is_left_out() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
            for scale in [Scale::Linear, Scale::Zoom, Scale::Log, Scale::Quantile] {
                assert_eq!(scale.place(value), None, "{scale:?} {value}");
            }
        }
        assert_eq!((Scale::Log.place(0.0), Scale::Log.place(-1.0), Scale::Log.place(100.0)), (None, None, Some(2.0)));
        assert_eq!((Scale::Quantile.place(-0.1), Scale::Quantile.place(1.0)), (None, None));
        assert_eq!(Scale::Quantile.place(0.0), Some(0.0));
        assert!((Scale::Quantile.place(0.999).unwrap() - 3.0).abs() < 1e-9);
    }

    #[test]
    fn an_upright_axis_has_zero_and_ends_evenly() {
        let upright = |scale, lo, hi| {
            let reach = Reach { lo, hi }.upright(scale, Unit::None, 5);
            (reach.lo, reach.hi)
        };
        assert_eq!(upright(Scale::Linear, 3.0, 8.1), (0.0, 10.0));
        assert_eq!(upright(Scale::Linear, -3.0, -1.0), (-3.0, 0.0));
        assert_eq!(upright(Scale::Linear, 0.0, 0.0), (0.0, 1.0));
        assert_eq!(upright(Scale::Zoom, 99.5, 99.9), (99.5, 99.9));
        assert_eq!(upright(Scale::Zoom, 50.0, 50.0), (44.0, 56.0));
        assert_eq!(upright(Scale::Log, 0.2, 2.9), (0.0, 3.0));
    }

    #[test]
    fn what_lies_beyond_ends_at_the_edge() {
        let reach = Reach { lo: 0.0, hi: 2.0 };
        let ruler = Ruler { scale: Scale::Log, reach, pixels: (100.0, 0.0) };
        assert_eq!(ruler.pixel(10.0), Some(50.0));
        assert_eq!([0.0, -1.0, 1e9, f64::INFINITY].map(|value| ruler.edge(value)), [100.0, 100.0, 0.0, 0.0].map(Some));
        assert_eq!(ruler.edge(f64::NAN), None);
    }
}
