"""What training costs in edge-gradients: counted, so that it is the same on any machine."""

from gnn.histories import block_start, interaction_matrix
from gnn.ilk_config import IlkConfig
from gnn.shop_arrays import ShopArrays


def fit_edge_gradients(config: IlkConfig, shop: ShopArrays, epochs: int) -> int:
    """Edge-gradients of a full fit that found `epochs` to be best: a lower bound.

    A step passes gradients over every edge once per layer, and over its positive pairs. Both passes of a fit
    are counted, the first (without the newest ninth) with the epochs up to the best one only, not those that
    showed it to be the best.
    """
    older = shop.events(0, block_start(shop.n_events))
    return sum(_one_run(config, part, epochs) for part in (older, shop))


def _one_run(config: IlkConfig, shop: ShopArrays, epochs: int) -> int:
    steps = max(1, shop.n_events // config.training.batch(shop.n_events))
    edges = interaction_matrix(shop).nnz
    pairs = 2 * shop.n_events  # user-item and consecutive ones: at most as many
    return epochs * (steps * edges * max(config.embedding.layers, 1) + pairs)
