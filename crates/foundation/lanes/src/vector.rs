//! Sixteen floats at a time, and products of one vector with many; knows no matrix.

use crate::{Lanes, Path};

/// Floats that are handled together on every path.
pub(crate) const WIDTH: usize = 16;

/// Runs a plain function as code for each path: the compiler makes of one body what each set of instructions allows.
/// `FMA` says whether products and sums may be one instruction.
macro_rules! on_path {
    ($lanes:expr, $body:ident($($name:ident: $type:ty),*) $(-> $result:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
        fn widest($($name: $type),*) $(-> $result)? { $body::<true>($($name),*) }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn wide($($name: $type),*) $(-> $result)? { $body::<true>($($name),*) }
        match $crate::Lanes::path($lanes) {
            // SAFETY: `Lanes` is made only where the processor has the path.
            #[cfg(target_arch = "x86_64")]
            $crate::Path::Avx512Vnni => unsafe { widest($($name),*) },
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            $crate::Path::Avx2 => unsafe { wide($($name),*) },
            _ => $body::<false>($($name),*),
        }
    }};
}
pub(crate) use on_path;

/// `a × b + c`, in one instruction where there is one: elsewhere that would be a call.
#[inline(always)]
pub(crate) fn fma<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// The sum of sixteen, in an order that is the same everywhere.
#[inline(always)]
pub(crate) fn total(lanes: [f32; WIDTH]) -> f32 {
    let mut half = WIDTH / 2;
    let mut lanes = lanes;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

impl Lanes {
    /// The product of two vectors; what the longer has beyond the shorter is left out.
    pub fn dot_f32(self, a: &[f32], b: &[f32]) -> f32 {
        on_path!(self, dot_f32(a: &[f32], b: &[f32]) -> f32)
    }

    /// The exact product of two vectors of integers; what the longer has beyond the shorter is left out. Vectors of up
    /// to 131,072 numbers cannot overflow.
    pub fn dot_i8(self, a: &[i8], b: &[i8]) -> i32 {
        let length = a.len().min(b.len());
        let mut out = [0];
        self.scan_i8(&a[..length], &b[..length], &mut out);
        out[0]
    }

    /// The exact products of `query` with each row of `rows`, one behind the other, as many as `out` has room for and
    /// `rows` holds. Answers how many those are.
    pub fn scan_i8(self, query: &[i8], rows: &[i8], out: &mut [i32]) -> usize {
        let count = fitting(query.len(), rows.len(), out);
        match self.path() {
            // SAFETY: `Lanes` is made only where the processor has the path; `fitting` counts whole rows alone.
            #[cfg(target_arch = "x86_64")]
            Path::Avx512Vnni => unsafe { crate::x86::avx512::scan_i8(query, rows, &mut out[..count]) },
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => unsafe { crate::x86::avx2::scan_i8(query, rows, &mut out[..count]) },
            _ => {
                for (out, row) in out.iter_mut().zip(rows.chunks_exact(query.len().max(1))).take(count) {
                    *out = query.iter().zip(row).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
                }
            }
        }
        count
    }

    /// The products of `query` with each row of `rows`, as [`Lanes::scan_i8`].
    pub fn scan_f32(self, query: &[f32], rows: &[f32], out: &mut [f32]) -> usize {
        let count = fitting(query.len(), rows.len(), out);
        let out = &mut out[..count];
        on_path!(self, scan_f32(query: &[f32], rows: &[f32], out: &mut [f32]));
        count
    }
}

/// How many whole rows there are, and room for.
fn fitting<T>(width: usize, numbers: usize, out: &mut [T]) -> usize {
    // Rows without a number have a product each: nothing, as many as are asked for.
    numbers.checked_div(width).unwrap_or(0).min(out.len())
}

#[inline(always)]
fn scan_f32<const FMA: bool>(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (out, row) in out.iter_mut().zip(rows.chunks_exact(query.len().max(1))) {
        *out = dot_f32::<FMA>(query, row);
    }
}

/// Four sums at once, as one waits for its last addition.
#[inline(always)]
fn dot_f32<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let mut sums = [[0.0; WIDTH]; 4];
    let (mut fours_a, mut fours_b) = (a.chunks_exact(4 * WIDTH), b.chunks_exact(4 * WIDTH));
    for (a, b) in fours_a.by_ref().zip(fours_b.by_ref()) {
        for (part, sum) in sums.iter_mut().enumerate() {
            let (a, b) = (&a[part * WIDTH..][..WIDTH], &b[part * WIDTH..][..WIDTH]);
            for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
                *sum = fma::<FMA>(*a, *b, *sum);
            }
        }
    }
    let mut sum = [0.0; WIDTH];
    for (lane, sum) in sum.iter_mut().enumerate() {
        *sum = (sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]);
    }
    let rest = fours_a.remainder().iter().zip(fours_b.remainder());
    for (at, (a, b)) in rest.enumerate() {
        sum[at % WIDTH] = fma::<FMA>(*a, *b, sum[at % WIDTH]);
    }
    total(sum)
}
