package community

import (
	"fmt"
	"math/rand/v2"
)

// perUnit is how many residents of each stair the demonstration knows.
const perUnit = 2

// people makes two residents for each unit door. The ten digits of a card are
// drawn without repetition.
func people(r *rand.Rand) []Person {
	ps := make([]Person, 0, unitDoors*perUnit)
	taken := map[string]bool{}
	for _, g := range allGroups() {
		for u := 1; u <= unitsPerGroup; u++ {
			for i := range perUnit {
				ps = append(ps, Person{
					ID: fmt.Sprintf("p-%04d", len(ps)+1), Name: name(r), Card: card(r, taken),
					Unit: fmt.Sprintf("%s/u%d", g.zone(), u), Door: fmt.Sprintf("door-%s-%d", g.code(), u),
					Gate: "door-gate-" + g.id, Flat: fmt.Sprintf("%02d%02d", 3+2*i, 2), // the third and the fifth floor
				})
			}
		}
	}
	return ps
}

func card(r *rand.Rand, taken map[string]bool) string {
	for {
		c := fmt.Sprintf("%010d", 1_000_000+r.Uint64N(4_000_000_000))
		if !taken[c] {
			taken[c] = true
			return c
		}
	}
}

func name(r *rand.Rand) string {
	family := []rune("陈李王张刘杨黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文")
	given := []string{
		"建国", "秀英", "志强", "玉兰", "伟", "芳", "国华", "桂香", "军", "敏", "德明", "淑珍", "勇", "静", "家豪", "雨桐",
		"子轩", "欣怡", "明辉", "丽华", "永福", "素芬", "涛", "霞", "光荣", "春梅", "浩然", "思雨", "成林", "晓燕", "大勇", "小红",
		"俊杰", "佳琪", "文斌", "红梅", "正华", "碧云", "天佑", "梦洁", "世平", "惠兰", "志远", "若曦", "仕荣", "清秀", "宇航", "诗涵",
	}
	return string(family[r.IntN(len(family))]) + given[r.IntN(len(given))]
}

// users are the accounts with which a newcomer looks around. The resident lives
// behind the first door.
func users(ps []Person) []User {
	return []User{
		{Login: "operator", Name: "陈静", Role: "operator"},
		{Login: "supervisor", Name: "李明辉", Role: "supervisor"},
		{Login: "crew", Name: "王师傅", Role: "crew"},
		{Login: "resident", Name: ps[0].Name, Role: "resident", Person: ps[0].ID},
		{Login: "admin", Name: "管理员", Role: "admin"},
	}
}
