// What needs attention, one line for each cause. Keyed, so that focus and hover outlive a refresh. Text only. No line
// changes its place while somebody is at the list: what was aimed at is what is hit, as in data_table.js.
const HELD_AFTER_ACTION = 3000, HELD_WITHOUT_A_MOVE = 30000;
const inPlace = (shown, now) => {
  const present = new Map(now.map((row) => [row.id, row]));
  return shown.map((row) => present.get(row.id) ?? { ...row, action: "", gone: true });
};

export default {
  template: `
    <div class="oo-atts" role="list" @pointerenter="inside = $event.pointerType === 'mouse'" @pointerleave="inside = false"
         @pointermove="attend" @keydown.capture="attend" @focusin="focused = true; attend();" @focusout="focused = $el.contains($event.relatedTarget)">
      <div v-for="row in shown" :key="row.id" :class="['oo-att', { 'oo-gone': row.gone }]" role="listitem" :data-cause="row.id">
        <q-icon :name="row.icon" :class="'oo-i20 oo-fg-' + row.tone" />
        <div class="oo-grow"><div class="oo-b oo-el" :data-tip="row.tip">{{ row.title }}</div><div class="oo-sm oo-t3 oo-att-who"><span class="oo-el">{{ row.who }}</span>
          <span v-if="row.owner" class="oo-att-owner" :data-tip="row.ownerTip">Owner: <a v-if="row.ownerHref" class="oo-link" :href="row.ownerHref">{{ row.owner }}</a><b v-else class="oo-b">{{ row.owner }}</b></span>
          <a v-if="row.runbook" class="oo-link oo-nw" :href="row.runbook" target="_blank" rel="noopener noreferrer" :aria-label="'Runbook: ' + row.title">Runbook</a></div></div>
        <a v-if="row.countHref" class="oo-att-n" :href="prefix + row.countHref" :aria-label="row.count + ' ' + row.countOf"><span :class="'oo-fg-' + row.tone">{{ row.count }}</span></a>
        <div v-else :class="['oo-att-n', 'oo-fg-' + row.tone]">{{ row.count }}</div>
        <div class="oo-no-phone oo-sm oo-t2 oo-nw" :data-tip="row.firstTip">{{ row.first }}</div>
        <div class="oo-no-phone oo-sm oo-t2 oo-nw" :data-tip="row.lastTip">{{ row.last }}</div>
        <div class="oo-att-act">
          <span class="oo-only-phone oo-sm oo-t3 oo-nw" style="margin-right:auto">{{ row.last }}</span>
          <a v-if="row.href" class="oo-att-btn oo-quiet" :href="prefix + row.href" :aria-label="row.link + ': ' + row.title">{{ row.link }}</a>
          <button v-if="row.action" type="button" class="oo-att-btn" :aria-label="row.action + ': ' + row.title" @click="$event.detail > 1 || act(row.id)"><q-icon :name="row.actionIcon" />{{ row.action }}</button>
        </div>
      </div>
      <div v-if="held && waits" class="oo-held oo-sm"><span class="oo-t2">Causes keep their places while you are here.</span><button type="button" class="oo-cell-act" @click="settle">Show the present list</button></div>
    </div>`,
  props: { rows: Array, prefix: { type: String, default: "" } },
  data() { return { shown: this.rows, inside: false, focused: false, attended: false, acted: false }; },
  computed: {
    held() { return ((this.inside || this.focused) && this.attended) || this.acted; },
    waits() { return this.shown.length !== this.rows.length || this.shown.some((row, n) => row.id !== this.rows[n].id); },
  },
  watch: {
    held(now) { if (!now) this.settle(); },
    rows(now) { this.shown = this.held && now.length ? inPlace(this.shown, now) : now; },
  },
  unmounted() { clearTimeout(this.leaving); clearTimeout(this.holding); },
  methods: {
    settle() { this.shown = this.rows; },
    attend() {
      this.attended = true;
      clearTimeout(this.leaving);
      this.leaving = setTimeout(() => (this.attended = false), HELD_WITHOUT_A_MOVE);
    },
    act(id) {
      this.acted = true;
      clearTimeout(this.holding);
      this.holding = setTimeout(() => (this.acted = false), HELD_AFTER_ACTION);
      this.$emit("act", id);
    },
  },
};
