"""Invented products of a shop in China."""

from random import Random

BRANDS = ("海港", "青松", "云岭", "南风", "白鹭", "金桂", "星河", "远山", "小满", "竹溪")
COLOURS = ("黑色", "白色", "红色", "蓝色", "绿色", "灰色", "黄色", "紫色")
MATERIALS = {
    "不锈钢": "不会生锈",
    "橡木": "越用越好看",
    "纯棉": "可以机洗",
    "真皮": "越用越柔软",
    "玻璃": "里面的东西一目了然",
    "羊毛": "受潮也保暖",
}
ARTICLES = {
    "水壶": ("厨房", "四分钟就能烧开一升水"),
    "双肩包": ("出行", "装得下一天的衣服和一台电脑"),
    "台灯": ("书房", "照亮整张桌子而不刺眼"),
    "砧板": ("厨房", "带有接汁水的凹槽"),
    "围巾": ("衣橱", "够长，可以绕两圈"),
    "挂钟": ("客厅", "走时没有声音"),
    "野餐垫": ("户外", "卷起来很小，用带子扣好"),
    "收纳箱": ("卧室", "可以一层层叠放"),
}
ATTRIBUTES = frozenset(word for words in (BRANDS, COLOURS, MATERIALS, ARTICLES) for word in words)


def product(random: Random) -> tuple[str, str]:
    """Return title and description of an article; both have its brand, colour, material and kind."""
    kind, (place, feature) = random.choice(list(ARTICLES.items()))
    material, virtue = random.choice(list(MATERIALS.items()))
    brand, colour, size = random.choice(BRANDS), random.choice(COLOURS), random.randrange(10, 60)
    title = f"{brand}{colour}{material}{kind}" + random.choice(
        ["", f" {size}厘米", f"（{random.randrange(2, 7)}件装）"]
    )
    text = [f"这款{colour}的{kind}由{brand}出品，采用{material}制成，{virtue}。", f"它{feature}。"]
    text.append(random.choice([f"适合放在{place}使用。", f"属于{brand}的{place}系列。", f"尺寸约{size}厘米。"]))
    text.append(random.choice(["送礼也很合适。", "简装发货。", f"{brand}提供两年质保。", "国内生产。"]))
    return title, "".join(text)
