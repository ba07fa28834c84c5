// A graph of an older version, which does not say whose it is, becomes this home's, unless another was quicker.
MATCH (s:IlkStore {name: 'store'})
SET s.home = coalesce(s.home, $home)
RETURN s.home AS home
