//! Products of matrices of floats, a block of rows and columns at a time; knows no weights but as numbers in rows.

use crate::packed::PANEL;
use crate::vector::WIDTH;
use crate::{Lanes, PackedF32, Path};

/// Rows of numbers that lie `stride` apart.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// From the first number of the first row on.
    pub numbers: &'a [f32],
    /// From one row to the next.
    pub stride: usize,
}

/// Sixteen floats as a path holds them.
pub(crate) trait Wide: Copy {
    /// Rows that are multiplied together, so that their sums stay in registers.
    const ROWS: usize;
    unsafe fn zero() -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// `self + a × b`, with one `a` for all sixteen.
    unsafe fn add_product(self, a: f32, b: Self) -> Self;
}

impl Wide for [f32; WIDTH] {
    const ROWS: usize = 2;

    #[inline(always)]
    unsafe fn zero() -> Self {
        [0.0; WIDTH]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller has compared the lengths.
        unsafe { from.cast::<Self>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller has compared the lengths.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }

    #[inline(always)]
    unsafe fn add_product(mut self, a: f32, b: Self) -> Self {
        for (sum, b) in self.iter_mut().zip(b) {
            *sum += a * b;
        }
        self
    }
}

/// Where a product is read and written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    a: *const f32,
    a_stride: usize,
    b: *const f32,
    b_stride: usize,
    out: *mut f32,
    out_stride: usize,
    rows: usize,
    inner: usize,
    columns: usize,
}

impl Lanes {
    /// `out` (rows × columns) = `a` (rows × inner) × `b` (inner × columns), of rows that may lie apart; `out` as `(its
    /// numbers, stride)`, `shape` as `[rows, inner, columns]`, columns in whole sixteens.
    ///
    /// # Panics
    /// Where one of them is shorter than the shape says, or the columns are not whole sixteens: a defect of the caller.
    pub fn product(self, shape: [usize; 3], a: Rows<'_>, b: Rows<'_>, out: (&mut [f32], usize)) {
        let [rows, inner, columns] = shape;
        let (out, out_stride) = out;
        assert!(columns.is_multiple_of(WIDTH), "columns must be whole sixteens");
        assert!(holds(a.numbers.len(), a.stride, rows, inner) && holds(b.numbers.len(), b.stride, inner, columns));
        assert!(holds(out.len(), out_stride, rows, columns), "out must have room for the product");
        let (a, a_stride, b, b_stride) = (a.numbers.as_ptr(), a.stride, b.numbers.as_ptr(), b.stride);
        let places = Places { a, a_stride, b, b_stride, out: out.as_mut_ptr(), out_stride, rows, inner, columns };
        match self.path() {
            // SAFETY: `Lanes` is made only where the processor has the path; the lengths were compared above.
            #[cfg(target_arch = "x86_64")]
            Path::Avx512Vnni => unsafe { crate::x86::avx512::product(places) },
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => unsafe { crate::x86::avx2::product(places) },
            // SAFETY: the lengths were compared above.
            _ => unsafe { product::<[f32; WIDTH]>(places) },
        }
    }

    /// `out` (rows × outputs) = `rows` (rows × inputs) × `weights` + bias.
    ///
    /// # Panics
    /// Where the lengths do not fit: a defect of the caller.
    pub fn multiply_f32(self, rows: &[f32], weights: &PackedF32, out: &mut [f32]) {
        let (inputs, outputs) = (weights.inputs, weights.outputs);
        let count = rows.len() / inputs;
        assert!(rows.len() == count * inputs && out.len() == count * outputs, "rows and out must be whole");
        let a = Rows { numbers: rows, stride: inputs };
        let mut whole = vec![0.0; count * PANEL];
        for (panel, lines) in weights.lines.chunks_exact(2 * inputs).enumerate() {
            // SAFETY: a line is sixteen floats without a gap, and the borrow lasts as long as that of the lines.
            let numbers = unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * WIDTH) };
            self.product([count, inputs, PANEL], a, Rows { numbers, stride: PANEL }, (&mut whole, PANEL));
            let from = panel * PANEL;
            let wide = PANEL.min(outputs - from);
            for (out, made) in out.chunks_exact_mut(outputs).zip(whole.chunks_exact(PANEL)) {
                for ((out, made), bias) in out[from..][..wide].iter_mut().zip(made).zip(&weights.bias[from..]) {
                    *out = made + bias;
                }
            }
        }
    }
}

/// Whether `length` numbers hold so many rows of `width`.
fn holds(length: usize, stride: usize, rows: usize, width: usize) -> bool {
    let last = rows.saturating_sub(1).checked_mul(stride).and_then(|last| last.checked_add(width));
    rows == 0 || width == 0 || (stride >= width && last.is_some_and(|last| last <= length))
}

/// The whole product, block by block.
///
/// # Safety
/// The processor must have what `W` uses, and `places` must lie within what they were made of.
#[inline(always)]
pub(crate) unsafe fn product<W: Wide>(places: Places) {
    let mut row = 0;
    while row < places.rows {
        let rows = W::ROWS.min(places.rows - row);
        // SAFETY: as the caller promised.
        unsafe {
            match rows {
                6 => band::<W, 6>(places, row),
                4.. => band::<W, 4>(places, row),
                2.. => band::<W, 2>(places, row),
                _ => band::<W, 1>(places, row),
            }
        }
        row += match rows {
            6 => 6,
            4.. => 4,
            2.. => 2,
            _ => 1,
        };
    }
}

/// A band of rows.
#[inline(always)]
unsafe fn band<W: Wide, const ROWS: usize>(places: Places, row: usize) {
    let mut column = 0;
    // SAFETY: as the caller promised.
    unsafe {
        while column + 2 * WIDTH <= places.columns && W::ROWS > 4 {
            tile::<W, ROWS, 2>(places, row, column);
            column += 2 * WIDTH;
        }
        while column < places.columns {
            tile::<W, ROWS, 1>(places, row, column);
            column += WIDTH;
        }
    }
}

/// A block of `ROWS` rows and `WIDES` × 16 columns, whose sums stay in registers.
#[inline(always)]
unsafe fn tile<W: Wide, const ROWS: usize, const WIDES: usize>(places: Places, row: usize, column: usize) {
    // SAFETY: rows, columns and inner lie within the shape that the caller compared with the lengths.
    unsafe {
        let mut sums = [[W::zero(); WIDES]; ROWS];
        let a = places.a.add(row * places.a_stride);
        let mut b = places.b.add(column);
        for inner in 0..places.inner {
            let mut across = [W::zero(); WIDES];
            for (wide, across) in across.iter_mut().enumerate() {
                *across = W::load(b.add(wide * WIDTH));
            }
            for (index, sums) in sums.iter_mut().enumerate() {
                let factor = *a.add(index * places.a_stride + inner);
                for (sum, across) in sums.iter_mut().zip(across) {
                    *sum = sum.add_product(factor, across);
                }
            }
            b = b.wrapping_add(places.b_stride);
        }
        for (index, sums) in sums.iter().enumerate() {
            let out = places.out.add((row + index) * places.out_stride + column);
            for (wide, sum) in sums.iter().enumerate() {
                sum.store(out.add(wide * WIDTH));
            }
        }
    }
}
