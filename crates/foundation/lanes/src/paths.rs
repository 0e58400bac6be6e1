//! Which instructions are used; knows nothing of what they compute.

/// A set of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Path {
    /// 512 bits with products of bytes (x86-64: AVX-512 F, BW, DQ, VL and VNNI).
    Avx512Vnni,
    /// 256 bits (x86-64: AVX2 and FMA).
    Avx2,
    /// What every processor has.
    Portable,
}

impl Path {
    /// All of them, the fastest first.
    pub const ALL: [Self; 3] = [Self::Avx512Vnni, Self::Avx2, Self::Portable];

    /// Its name, as it is shown and logged.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512Vnni => "avx512-vnni",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }

    /// Those that this processor has, the fastest first; the last is always [`Path::Portable`].
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|path| path.is_here()).collect()
    }

    /// The fastest that this processor has.
    pub fn best() -> Self {
        Self::ALL.into_iter().find(|path| path.is_here()).unwrap_or(Self::Portable)
    }

    #[cfg(target_arch = "x86_64")]
    fn is_here(self) -> bool {
        match self {
            Self::Avx512Vnni => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
                    && Self::Avx2.is_here()
            }
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Self::Portable => true,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_here(self) -> bool {
        self == Self::Portable
    }
}

/// A path that this processor has: what every product is asked of.
///
/// It cannot be made for any other path, which is why its functions may use the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lanes(Path);

impl Lanes {
    /// On the fastest path.
    pub fn best() -> Self {
        Self(Path::best())
    }

    /// On this path; `None` where the processor lacks it.
    pub fn on(path: Path) -> Option<Self> {
        path.is_here().then_some(Self(path))
    }

    /// The path.
    pub fn path(self) -> Path {
        self.0
    }
}
