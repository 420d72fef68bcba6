// Coming runs by scheduler. The server sends seconds since the epoch; words are text.
export default {
  template: `
    <div class="oo-tl oo-coming" role="group" :aria-label="label">
      <div class="oo-ax" aria-hidden="true"><span v-for="t in ticks" :key="t[0]" :style="{ left: at(t[0]) + '%' }">{{ t[1] }}</span></div>
      <div v-for="lane in lanes" :key="lane.n" class="oo-lane">
        <a v-if="lane.h" class="oo-lane-n" :class="{ 'oo-dead': lane.x }" :href="prefix + lane.h" :data-tip="lane.tip"><b></b><span class="oo-el">{{ lane.n }}</span></a>
        <span v-else class="oo-lane-n oo-lane-any" :data-tip="lane.tip"><span class="oo-el">{{ lane.n }}</span></span>
        <span v-for="(b, n) in lane.w" :key="'w' + n" class="oo-bar oo-coming-bad" :style="box(b)" :data-tip="b.t"></span>
        <a v-for="(b, n) in lane.b" :key="n" tabindex="-1" class="oo-bar oo-coming-run" :class="{ 'oo-coming-blocks': b.k }" :style="box(b)" :href="prefix + b.h" :data-tip="b.t" :aria-label="b.t"></a>
      </div>
    </div>`,
  props: { lanes: Array, ticks: Array, from: Number, span: Number, label: String, prefix: { type: String, default: "" } },
  methods: {
    at(second) { return (100 * (second - this.from)) / this.span; },
    box(b) { const left = Math.max(0, this.at(b.s)); return { left: left + "%", width: "max(3px, " + (Math.min(100, this.at(b.e)) - left) + "%)" }; },
  },
};
