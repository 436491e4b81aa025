//! JSON objects: names to values, in the order in which the names first came.

use indexmap::IndexMap;

use super::{Text, Value};

/// An insertion-ordered map. Of two values under one name the last is kept, at the place of the first, as
/// Jackson does.
///
/// Two objects are equal when they hold the same members, in whatever order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(IndexMap<Text, Value>);

impl Object {
    /// An object with no members.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty object with room for `capacity` members.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(IndexMap::with_capacity(capacity))
    }

    /// The value of a member.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The value of a member, to be changed in place.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.get_mut(key)
    }

    /// Sets a member and answers its earlier value. A new member goes to the end.
    pub fn insert(&mut self, key: impl Into<Text>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(key.into(), value.into())
    }

    /// The place of a member, which is made, as `null`, where it is missing.
    pub fn entry(&mut self, key: &Text) -> &mut Value {
        self.0.entry(key.clone()).or_insert(Value::Null)
    }

    /// Takes a member out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.shift_remove(key)
    }

    /// Whether there is a member of this name, `null` or not.
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members, in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }

    /// The names, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Text> {
        self.0.keys()
    }

    /// The values, in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.0.values()
    }
}

/// The members of an [`Object`], in order.
pub struct Iter<'a>(indexmap::map::Iter<'a, Text, Value>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Text, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a Text, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<K: Into<Text>, V: Into<Value>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Self {
        Self(members.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl<K: Into<Text>, V: Into<Value>> Extend<(K, V)> for Object {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, members: I) {
        self.0.extend(members.into_iter().map(|(key, value)| (key.into(), value.into())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_name_keeps_its_first_place_and_its_last_value() {
        let object: Object = [("a", 1), ("b", 2), ("a", 3)].into_iter().collect();
        let members: Vec<_> = object.iter().map(|(key, value)| (&**key, value.clone())).collect();
        assert_eq!(members, [("a", Value::from(3)), ("b", Value::from(2))]);
    }

    #[test]
    fn removing_keeps_the_order_of_the_rest() {
        let mut object: Object = [("a", 1), ("b", 2), ("c", 3)].into_iter().collect();
        assert_eq!(object.remove("a"), Some(Value::from(1)));
        assert_eq!(object.remove("a"), None);
        assert_eq!(object.keys().map(|key| &**key).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(object.len(), 2);
    }

    #[test]
    fn order_does_not_matter_for_equality() {
        let one: Object = [("a", 1), ("b", 2)].into_iter().collect();
        let other: Object = [("b", 2), ("a", 1)].into_iter().collect();
        assert_eq!(one, other);
    }
}
