//! Queries of the index.

use std::{collections::BTreeMap, sync::Arc};

use super::{Group, Index, Inner, Mirror, UNREADABLE};

impl Inner {
    fn mirrors(
        &self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
    ) -> impl Iterator<Item = (&str, &Arc<Mirror>)> {
        let group = self
            .group(namespace, cluster)
            .into_iter()
            .flat_map(Group::iter);
        let named = group.map(|(name, mirror)| (&**name, mirror));
        named.filter(move |(_, mirror)| !mirror.foreign && mirror.subject.concerns(instance))
    }
}

fn copied((name, mirror): (&str, &Arc<Mirror>)) -> (Box<str>, Arc<Mirror>) {
    (name.into(), mirror.clone())
}

impl Index {
    /// Iterates over all mirrors of `cluster` in `namespace` with their names, only those of `instance` if it is given,
    /// without foreign objects. The index is locked meanwhile.
    pub fn survey<R>(
        &self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
        look: impl for<'a> FnOnce(&mut dyn Iterator<Item = (&'a str, &'a Mirror)>) -> R,
    ) -> R {
        let inner = self.lock();
        let mirrors = inner.mirrors(namespace, cluster, instance);
        look(&mut mirrors.map(|(name, mirror)| (name, &**mirror)))
    }

    /// The mirrors of `cluster` in `namespace` that pass `filter`, with their names, only those of `instance` if it is
    /// given, without foreign objects.
    #[must_use]
    pub fn mirrors(
        &self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
        filter: impl Fn(&Mirror) -> bool,
    ) -> Vec<(Box<str>, Arc<Mirror>)> {
        let inner = self.lock();
        let mirrors = inner.mirrors(namespace, cluster, instance);
        mirrors
            .filter(|(_, mirror)| filter(mirror))
            .map(copied)
            .collect()
    }

    /// A number that grows whenever a mirror of `cluster` in `namespace` changes; 0 if there is none.
    #[must_use]
    pub fn changed(&self, namespace: &str, cluster: &str) -> u64 {
        let inner = self.lock();
        inner.group(namespace, cluster).map_or(0, Group::changed)
    }

    /// Those of [`mirrors`](Self::mirrors) that are open.
    #[must_use]
    pub fn open(
        &self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
    ) -> Vec<(Box<str>, Arc<Mirror>)> {
        if !self.any_open(namespace, cluster, None) {
            return Vec::new();
        }
        self.mirrors(namespace, cluster, instance, |mirror| mirror.lifecycle.open)
    }

    /// The number of objects with an unreadable spec, by namespace.
    #[must_use]
    pub fn unreadable(&self) -> BTreeMap<Box<str>, usize> {
        let inner = self.lock();
        let counts = inner.namespaces.iter().filter_map(|(namespace, groups)| {
            let group = groups.get(UNREADABLE)?;
            Some((namespace.clone(), group.len()))
        });
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// All open mirrors of `namespace` (`None`: all), with their namespaces and names.
    #[must_use]
    pub fn all_open(&self, namespace: Option<&str>) -> Vec<(Box<str>, Box<str>, Arc<Mirror>)> {
        let inner = self.lock();
        let namespaces = inner.namespaces.iter();
        namespaces
            .filter(|(of, _)| namespace.is_none_or(|namespace| namespace == &***of))
            .flat_map(|(of, groups)| {
                let mirrors = groups.values().flat_map(Group::iter);
                let open = mirrors.filter(|(_, mirror)| mirror.lifecycle.open && !mirror.foreign);
                open.map(|(name, mirror)| (of.clone(), name.clone(), mirror.clone()))
            })
            .collect()
    }

    /// Whether any of [`mirrors`](Self::mirrors) is open.
    #[must_use]
    pub fn any_open(&self, namespace: &str, cluster: &str, instance: Option<&str>) -> bool {
        let inner = self.lock();
        let group = inner.group(namespace, cluster);
        let mut mirrors = inner.mirrors(namespace, cluster, instance);
        group.is_some_and(Group::any_open)
            && (instance.is_none() || mirrors.any(|(_, mirror)| mirror.lifecycle.open))
    }
}
