//! placeholder until the branch lands
use super::{Facts, Lru, Policy};
/// LRU for now
#[derive(Debug, Default)]
pub struct TinyLfu(Lru);
impl Policy for TinyLfu {
    fn insert(&mut self, id: u32, f: Facts) {
        self.0.insert(id, f)
    }
    fn access(&mut self, id: u32, f: Facts) {
        self.0.access(id, f)
    }
    fn update(&mut self, id: u32, f: Facts) {
        self.0.update(id, f)
    }
    fn remove(&mut self, id: u32) {
        self.0.remove(id)
    }
    fn victim(&mut self) -> Option<u32> {
        self.0.victim()
    }
    fn order(&self) -> Vec<u32> {
        self.0.order()
    }
    fn bytes(&self) -> usize {
        self.0.bytes()
    }
    fn validate(&self) {
        self.0.validate()
    }
}
