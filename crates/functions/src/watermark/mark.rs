//! The mark itself: text as two layers of coverage, the letters and the edge around them.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

/// The letters' shapes; the font's licence is beside it.
static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("../../../../assets/fonts/DejaVuSans.ttf"))
        .expect("the font that ships with the code is well-formed")
});

/// The mark's width in hundredths of the picture's.
const WIDTH_PERCENT: f32 = 36.0;
/// Letters lower than this can't be read, so a narrow picture gives the mark more of its width …
const TEXT_PIXELS_MIN: f32 = 12.0;
/// … up to this.
const WIDTH_PERCENT_MAX: f32 = 90.0;
/// The most of a picture's height that the letters take.
const HEIGHT_PERCENT_MAX: f32 = 40.0;
/// Distance from the corner, in hundredths of the letters' height.
const MARGIN_PERCENT: usize = 50;
const LETTER_OPACITY: f32 = 0.72;
const EDGE_OPACITY: f32 = 0.50;
const LETTER: f32 = 255.0;
const EDGE: f32 = 0.0;
/// Rendered marks that are kept: two sizes a picture, and few aspect ratios in use.
const KEPT_MAX: usize = 64;

/// A mark with the text and the size of picture that it was rendered for.
type Kept = (String, (u32, u32), Arc<Mark>);

/// One pixel of the mark: `out = in * keep + add`, both in 256ths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    keep: u16,
    add: u16,
}

impl Cell {
    /// The edge first, the letter over it.
    fn new(letter: f32, edge: f32) -> Self {
        let (letter, edge) = (letter * LETTER_OPACITY, edge * EDGE_OPACITY);
        let keep = (1.0 - edge) * (1.0 - letter);
        let add = (EDGE * edge) * (1.0 - letter) + LETTER * letter;
        Self { keep: to_fixed(keep), add: to_fixed(add) }
    }

    pub(super) fn over(self, sample: u8) -> u8 {
        let mixed = (u32::from(sample) * u32::from(self.keep) + u32::from(self.add) + 128) >> 8;
        u8::try_from(mixed).unwrap_or(u8::MAX)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255 in 256ths fits")]
fn to_fixed(value: f32) -> u16 {
    (value * 256.0).round() as u16
}

/// A rendered text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub width: usize,
    pub height: usize,
    margin: usize,
    cells: Vec<Cell>,
}

impl Mark {
    /// The mark for a picture of this size, rendered once and then remembered.
    pub(super) fn fitting(text: &str, picture: (u32, u32)) -> Arc<Self> {
        static KEPT: Mutex<VecDeque<Kept>> = Mutex::new(VecDeque::new());
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., mark)) = kept.iter().find(|(known, size, _)| *size == picture && known == text) {
            return Arc::clone(mark);
        }
        let mark = Arc::new(Self::render(text, picture));
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((text.to_owned(), picture, Arc::clone(&mark)));
        mark
    }

    /// Its top left corner in a picture of this size.
    pub(super) fn place(&self, (width, height): (usize, usize)) -> (usize, usize) {
        let start = |side: usize, own: usize| side.saturating_sub(own + self.margin.min((side - own) / 2));
        (start(width, self.width), start(height, self.height))
    }

    pub(super) fn row(&self, y: usize) -> &[Cell] {
        &self.cells[y * self.width..(y + 1) * self.width]
    }

    fn render(text: &str, (width, height): (u32, u32)) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a picture's side is far below 2^23")]
        let (picture_width, picture_height) = (width as f32, height as f32);
        let pixels = text_pixels(text, picture_width, picture_height);
        let reach = edge_reach(pixels);
        let letters = Coverage::of_text(text, pixels, reach);
        let edge = letters.spread(reach);
        let cells =
            letters.values.iter().zip(&edge.values).map(|(letter, edge)| Cell::new(*letter, *edge)).collect();
        let mark = Self {
            width: letters.width,
            height: letters.height,
            margin: letters.height * MARGIN_PERCENT / 100,
            cells,
        };
        mark.cropped(width as usize, height as usize)
    }

    /// Cuts off what a picture of a few pixels has no room for.
    fn cropped(self, width_max: usize, height_max: usize) -> Self {
        let (width, height) = (self.width.min(width_max), self.height.min(height_max));
        if (width, height) == (self.width, self.height) {
            return self;
        }
        let cells = (0..height).flat_map(|y| self.row(y)[..width].iter().copied()).collect();
        Self { width, height, margin: 0, cells }
    }
}

/// The height of the text for a picture of this size.
fn text_pixels(text: &str, width: f32, height: f32) -> f32 {
    let width_of_one = advance(text, 1000.0) / 1000.0;
    let for_width = |percent: f32| width * percent / 100.0 / width_of_one.max(0.1);
    let usual = for_width(WIDTH_PERCENT);
    let readable = usual.max(TEXT_PIXELS_MIN.min(for_width(WIDTH_PERCENT_MAX)));
    readable.min(height * HEIGHT_PERCENT_MAX / 100.0).max(1.0)
}

/// How far the dark edge reaches around the letters, in pixels.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
fn edge_reach(text_pixels: f32) -> usize {
    (text_pixels / 12.0).round().clamp(1.0, 16.0) as usize
}

fn advance(text: &str, pixels: f32) -> f32 {
    laid_out(text, pixels, 0.0).1
}

/// The glyphs on a line that begins at `left`, and how long the line is.
fn laid_out(text: &str, pixels: f32, left: f32) -> (Vec<Glyph>, f32) {
    let font = FONT.as_scaled(PxScale::from(pixels));
    let mut glyphs: Vec<Glyph> = Vec::new();
    let mut x = left;
    for character in text.chars().filter(|character| !character.is_control()) {
        let id = font.glyph_id(character);
        if let Some(previous) = glyphs.last() {
            x += font.kern(previous.id, id);
        }
        glyphs.push(id.with_scale_and_position(pixels, point(x, font.ascent() + left)));
        x += font.h_advance(id);
    }
    (glyphs, x - left)
}

/// How much of each pixel is covered, from 0 to 1.
struct Coverage {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Coverage {
    /// The text with `border` free pixels on every side.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a mark is smaller than a picture, and its coordinates are whole and positive"
    )]
    fn of_text(text: &str, pixels: f32, border: usize) -> Self {
        let (glyphs, length) = laid_out(text, pixels, border as f32);
        let line = FONT.as_scaled(PxScale::from(pixels)).height();
        let width = length.ceil() as usize + 2 * border;
        let height = line.ceil() as usize + 2 * border;
        let mut values = vec![0.0; width * height];
        for outline in glyphs.into_iter().filter_map(|glyph| FONT.outline_glyph(glyph)) {
            let bounds = outline.px_bounds();
            outline.draw(|x, y, coverage| {
                let (x, y) = (bounds.min.x + x as f32, bounds.min.y + y as f32);
                if x >= 0.0 && y >= 0.0 && (x as usize) < width && (y as usize) < height {
                    let value: &mut f32 = &mut values[y as usize * width + x as usize];
                    *value = (*value + coverage).min(1.0);
                }
            });
        }
        Self { width, height, values }
    }

    /// The greatest coverage within `reach`, along rows and then along columns.
    fn spread(&self, reach: usize) -> Self {
        let along_rows = self.spread_by(reach, |x, y, step| {
            let x = (x + step).checked_sub(reach)?;
            (x < self.width).then(|| self.values[y * self.width + x])
        });
        along_rows.spread_by(reach, |x, y, step| {
            let y = (y + step).checked_sub(reach)?;
            (y < self.height).then(|| along_rows.values[y * self.width + x])
        })
    }

    fn spread_by(&self, reach: usize, neighbour: impl Fn(usize, usize, usize) -> Option<f32>) -> Self {
        let neighbour = &neighbour;
        let values = (0..self.height)
            .flat_map(|y| {
                (0..self.width).map(move |x| {
                    (0..=2 * reach).filter_map(|step| neighbour(x, y, step)).fold(0.0, f32::max)
                })
            })
            .collect();
        Self { width: self.width, height: self.height, values }
    }
}
