// Runs by scheduler over a day. The server sends seconds since the epoch, and by "tick" what time it is; words are text.
export default {
  template: `
    <div class="oo-tl" role="group" :aria-label="label">
      <div class="oo-ax" aria-hidden="true"><span v-for="t in shownTicks" :key="t[0]" :style="{ left: at(t[0]) + '%' }">{{ t[1] }}</span><span class="oo-now" style="left:100%">{{ clock }}</span></div>
      <div v-for="lane in lanes" :key="lane.n" class="oo-lane">
        <a :class="['oo-lane-n', { 'oo-dead': lane.since }]" :href="prefix + lane.h" :data-tip="lane.tip"><b></b><span class="oo-el">{{ lane.n }}</span></a>
        <template v-for="b in lane.b" :key="b.i">
          <a v-if="right(b) > 0" tabindex="-1" :class="['oo-bar', 'oo-' + b.c]" :style="{ left: left(b) + '%', width: 'max(3px, ' + (right(b) - left(b)) + '%)' }" :href="prefix + (b.h || '/jobs/' + b.i)" :data-tip="b.t" :aria-label="b.t">{{ b.c === 'running' && right(b) - left(b) > 7 ? b.n : '' }}</a>
        </template>
        <template v-if="lane.since"><span class="oo-bar oo-dead" :style="{ left: left({ s: lane.since }) + '%', right: 0 }"></span><span class="oo-dead-words" :style="words(lane)">{{ lane.words }}</span></template>
      </div>
      <span class="oo-nowl" aria-hidden="true"></span>
    </div>`,
  props: { lanes: Array, ticks: Array, span: Number, now: Number, time: String, label: String, prefix: { type: String, default: "" } },
  data() { return { cur: this.now, clock: this.time }; },
  watch: { now(value) { this.cur = value; }, time(value) { this.clock = value; } },
  computed: {
    shownTicks() { return this.ticks.filter((t) => this.at(t[0]) >= 2 && this.at(t[0]) < 93); },
  },
  methods: {
    at(second) { return 100 * (1 - (this.cur - second) / this.span); },
    left(b) { return Math.max(0, Math.min(this.at(b.s), 99.6)); },
    right(b) { return b.e === null ? 100 : Math.min(100, this.at(b.e)); },
    words(lane) { const x = Math.max(0, this.at(lane.since)); return x < 60 ? { left: "calc(" + x + "% + 14px)" } : { right: "calc(" + (100 - x) + "% + 8px)" }; },
    tick(now, time) { this.cur = now; this.clock = time; },
  },
};
