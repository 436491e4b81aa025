//! A decoded picture in memory, and which way up it is.

/// What the samples of one pixel mean. All are 8 bits wide and interleaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Grey,
    Rgb,
    /// Not premultiplied.
    Rgba,
    /// Amounts of ink: 0 is none, 255 is full.
    Cmyk,
}

impl Layout {
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }
}

/// Pixels, row by row from the top, without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub width: u32,
    pub height: u32,
    pub layout: Layout,
    /// At least `width * height * channels` bytes: a reused buffer may be longer.
    pub samples: Vec<u8>,
}

impl Picture {
    pub(crate) fn row_bytes(&self) -> usize {
        self.width as usize * self.layout.channels()
    }

    /// The samples, without what a reused buffer has behind them.
    pub(crate) fn pixels(&self) -> &[u8] {
        &self.samples[..self.row_bytes() * self.height as usize]
    }

    /// The picture turned so that it is seen as its camera meant it.
    pub(crate) fn upright(self, orientation: Orientation) -> Self {
        if orientation == Orientation::UPRIGHT {
            return self;
        }
        let channels = self.layout.channels();
        let (width, height) = orientation.upright((self.width, self.height));
        let mut turned = Vec::with_capacity(self.pixels().len());
        let source = self.pixels();
        let (last_x, last_y) = (self.width as usize - 1, self.height as usize - 1);
        for y in 0..height as usize {
            for x in 0..width as usize {
                let (from_x, from_y) = match orientation.0 {
                    2 => (last_x - x, y),
                    3 => (last_x - x, last_y - y),
                    4 => (x, last_y - y),
                    5 => (y, x),
                    6 => (y, last_y - x),
                    7 => (last_x - y, last_y - x),
                    8 => (last_x - y, x),
                    _ => (x, y),
                };
                let at = (from_y * self.width as usize + from_x) * channels;
                turned.extend_from_slice(&source[at..at + channels]);
            }
        }
        Self { width, height, layout: self.layout, samples: turned }
    }
}

/// EXIF's orientation, 1 to 8. Spec: EXIF 2.3, tag 0x0112.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Orientation(u8);

impl Orientation {
    pub(crate) const UPRIGHT: Self = Self(1);

    /// A tag that is none of the eight says nothing, and the picture is taken as it is: every viewer does so.
    pub(crate) fn from_exif(tag: u8) -> Self {
        if (1..=8).contains(&tag) { Self(tag) } else { Self::UPRIGHT }
    }

    /// The sides of a stored picture when it is upright. It is its own inverse.
    pub(crate) fn upright(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.0 >= 5 { (height, width) } else { (width, height) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ab/cd/ef`, stored in each of the eight ways. EXIF's names: row 0 and column 0 of what is stored are
    /// the visual top and left, top and right, bottom and right, …
    #[test]
    fn all_eight_orientations_come_out_upright() {
        let stored: [(u8, u32, u32, &[u8]); 8] = [
            (1, 2, 3, b"abcdef"),
            (2, 2, 3, b"badcfe"),
            (3, 2, 3, b"fedcba"),
            (4, 2, 3, b"efcdab"),
            (5, 3, 2, b"acebdf"),
            (6, 3, 2, b"bdface"),
            (7, 3, 2, b"fdbeca"),
            (8, 3, 2, b"ecafdb"),
        ];
        for (tag, width, height, samples) in stored {
            let picture = Picture { width, height, layout: Layout::Grey, samples: samples.to_vec() };
            let upright = picture.upright(Orientation::from_exif(tag));
            assert_eq!((upright.width, upright.height), (2, 3), "orientation {tag}");
            assert_eq!(upright.samples, b"abcdef", "orientation {tag}");
        }
    }

    #[test]
    fn an_unknown_orientation_is_upright() {
        assert_eq!(Orientation::from_exif(0), Orientation::UPRIGHT);
        assert_eq!(Orientation::from_exif(9), Orientation::UPRIGHT);
    }
}
