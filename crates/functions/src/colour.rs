//! To sRGB: every picture that leaves us is in it, so that a viewer without colour management shows it right.
//!
//! A profile that cannot be used (damaged, or for another colour model than the picture's) is ignored, as
//! browsers do: the picture is then taken for sRGB, or its inks for ideal ones.

use moxcms::{ColorProfile, DataColorSpace, Layout as Channels, ProfileText, TransformOptions};

use crate::caught::caught;
use crate::codec::{About, ColourModel};
use crate::picture::{Layout, Picture};

/// The name that `imageMetadata.colorSpace` carries: the profile's own, or what is assumed without one.
pub(crate) fn name(about: &About) -> String {
    let described = about.profile.as_deref().and_then(|profile| describe(profile, about.model));
    match (described, about.model) {
        (Some(name), _) => name,
        (None, ColourModel::Grey) => "Gray".to_owned(),
        (None, ColourModel::Rgb) => "sRGB".to_owned(),
        (None, ColourModel::Cmyk) => "CMYK".to_owned(),
    }
}

/// Converts the picture's colours to sRGB, by its profile where it has a usable one. Alpha is kept.
pub(crate) fn to_srgb(picture: Picture, profile: Option<&[u8]>) -> Picture {
    let target = if picture.layout == Layout::Rgba { Layout::Rgba } else { Layout::Rgb };
    if let Some(profile) = profile.and_then(parse)
        && !(is_srgb(&profile) && picture.layout == target)
        && let Some(samples) = caught(|| transform(&picture, &profile, target)).flatten()
    {
        return Picture { layout: target, samples, ..picture };
    }
    let samples = match picture.layout {
        Layout::Rgb | Layout::Rgba => return picture,
        Layout::Grey => picture.pixels().iter().flat_map(|grey| [*grey; 3]).collect(),
        Layout::Cmyk => picture.pixels().chunks_exact(4).flat_map(ideal_inks).collect(),
    };
    Picture { layout: target, samples, ..picture }
}

/// White paper under inks that each take out just their own colour.
fn ideal_inks(cmyk: &[u8]) -> [u8; 3] {
    let paper = 255 - u32::from(cmyk[3]);
    [cmyk[0], cmyk[1], cmyk[2]].map(|ink| {
        let light = (255 - u32::from(ink)) * paper + 127;
        u8::try_from(light / 255).unwrap_or(u8::MAX)
    })
}

fn transform(picture: &Picture, profile: &ColorProfile, target: Layout) -> Option<Vec<u8>> {
    let channels = match (picture.layout, profile.color_space) {
        (Layout::Grey, DataColorSpace::Gray) => Channels::Gray,
        (Layout::Rgb, DataColorSpace::Rgb) => Channels::Rgb,
        // Four inks are handed over as four channels.
        (Layout::Rgba, DataColorSpace::Rgb) | (Layout::Cmyk, DataColorSpace::Cmyk) => Channels::Rgba,
        _ => return None,
    };
    let target_channels = if target == Layout::Rgba { Channels::Rgba } else { Channels::Rgb };
    let srgb = ColorProfile::new_srgb();
    let transform =
        profile.create_transform_8bit(channels, &srgb, target_channels, TransformOptions::default()).ok()?;
    let pixels = picture.width as usize * picture.height as usize;
    let mut samples = vec![0; pixels * target.channels()];
    transform.transform(picture.pixels(), &mut samples).ok()?;
    Some(samples)
}

/// A profile is hostile input like the rest of the file, and its reader is not ours.
fn parse(profile: &[u8]) -> Option<ColorProfile> {
    caught(|| ColorProfile::new_from_slice(profile).ok()).flatten()
}

fn describe(profile: &[u8], model: ColourModel) -> Option<String> {
    let profile = parse(profile)?;
    let fits = match model {
        ColourModel::Grey => profile.color_space == DataColorSpace::Gray,
        ColourModel::Rgb => profile.color_space == DataColorSpace::Rgb,
        ColourModel::Cmyk => profile.color_space == DataColorSpace::Cmyk,
    };
    if !fits {
        return None;
    }
    Some(if is_srgb(&profile) { "sRGB".to_owned() } else { description(&profile) })
}

/// By its description: that is how the many variants of the sRGB profile are alike.
fn is_srgb(profile: &ColorProfile) -> bool {
    profile.color_space == DataColorSpace::Rgb && description(profile).starts_with("sRGB")
}

fn description(profile: &ColorProfile) -> String {
    let text = match &profile.description {
        Some(ProfileText::PlainString(text)) => text.as_str(),
        Some(ProfileText::Localizable(texts)) => texts.first().map_or("", |text| text.value.as_str()),
        Some(ProfileText::Description(text)) => text.ascii_string.as_str(),
        None => "",
    };
    // It goes into records and pages: one short line of it.
    let clean: String = text.chars().filter(|c| !c.is_control()).take(64).collect();
    if clean.trim().is_empty() { "ICC profile".to_owned() } else { clean.trim().to_owned() }
}
