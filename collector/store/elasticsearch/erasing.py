def belongings(cluster, ids, *, project):
    raise NotImplementedError


def erase(cluster, found):
    raise NotImplementedError
