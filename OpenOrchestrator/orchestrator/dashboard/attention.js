// What needs attention, one line for each cause. Keyed, so that focus and hover outlive a refresh. Text only.
export default {
  template: `
    <div class="oo-atts" role="list">
      <div v-for="row in rows" :key="row.id" class="oo-att" role="listitem" :data-cause="row.id">
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
          <button v-if="row.action" type="button" class="oo-att-btn" :aria-label="row.action + ': ' + row.title" @click="$emit('act', row.id)"><q-icon :name="row.actionIcon" />{{ row.action }}</button>
        </div>
      </div>
    </div>`,
  props: { rows: Array, prefix: { type: String, default: "" } },
};
