// SPDX-License-Identifier: Apache-2.0
package weir.tests;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;

import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.apache.lucene.util.Version;
import org.elasticsearch.Build;
import org.elasticsearch.ResourceAlreadyExistsException;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.admin.indices.create.AutoCreateAction;
import org.elasticsearch.action.admin.indices.create.CreateIndexRequest;
import org.elasticsearch.action.datastreams.GetDataStreamAction;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.DataStreamInfo;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.IndexProperties;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.ManagedBy;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.health.ClusterHealthStatus;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.Metadata;
import org.elasticsearch.cluster.metadata.MetadataCreateDataStreamService;
import org.elasticsearch.cluster.metadata.MetadataDataStreamsService;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.AbstractTokenizerFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestRequest.Method;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * What clients need of the modules that Elasticsearch's archive for integration tests leaves out: the answer to
 * `GET /` (rest-root), making, listing and deleting data streams (data-streams), and the three parts of text analysis
 * that the index of API keys asks for (analysis-common). Everything else that a test sees is the server's own.
 */
public class MissingModules extends Plugin implements ActionPlugin, AnalysisPlugin {
    private ClusterService cluster;

    @Override
    public Collection<?> createComponents(PluginServices services) {
        cluster = services.clusterService();
        return List.of();
    }

    @Override
    public Collection<RestHandler> getRestHandlers(Settings settings, NamedWriteableRegistry writeables,
            RestController controller, ClusterSettings clusterSettings, IndexScopedSettings indexSettings,
            SettingsFilter filter, IndexNameExpressionResolver resolver, Supplier<DiscoveryNodes> nodes,
            Predicate<NodeFeature> features) {
        return List.of(new Root(), new ListDataStreams(), new CreateDataStream(), new DeleteDataStreams());
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of("uax_url_email", (index, environment, name, settings) ->
            new AbstractTokenizerFactory(index, settings, name) {
                @Override
                public Tokenizer create() {
                    return new UAX29URLEmailTokenizer();
                }
            });
    }

    /** What is called "unique" here drops only neighbours that are equal: a larger index, and the same hits. */
    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of(
            "unique", (index, environment, name, settings) -> new AbstractTokenFilterFactory(name, settings) {
                @Override
                public TokenStream create(TokenStream tokens) {
                    return new RemoveDuplicatesTokenFilter(tokens);
                }
            },
            "pattern_capture", (index, environment, name, settings) -> {
                boolean keepWhole = settings.getAsBoolean("preserve_original", true);
                Pattern[] patterns =
                    settings.getAsList("patterns").stream().map(Pattern::compile).toArray(Pattern[]::new);
                return new AbstractTokenFilterFactory(name, settings) {
                    @Override
                    public TokenStream create(TokenStream tokens) {
                        return new PatternCaptureGroupTokenFilter(tokens, keepWhole, patterns);
                    }
                };
            });
    }

    /** The data streams that a comma separated list of names and patterns stands for. A name must exist. */
    private static Set<DataStream> streamsOf(ClusterState state, String names) {
        Set<DataStream> found = new HashSet<>();
        for (String name : names.split(",")) {
            int before = found.size();
            state.metadata().dataStreams().values().stream()
                .filter(stream -> Regex.simpleMatch(name, stream.getName())).forEach(found::add);
            if (found.size() == before && !Regex.isSimpleMatchPattern(name)) {
                throw new ResourceNotFoundException("data_stream matching [" + name + "] not found");
            }
        }
        return found;
    }

    private abstract static class Handler extends BaseRestHandler {
        private final List<Route> routes;

        Handler(Route... routes) {
            this.routes = List.of(routes);
        }

        @Override
        public String getName() {
            return "weir_tests_" + getClass().getSimpleName();
        }

        @Override
        public List<Route> routes() {
            return routes;
        }
    }

    private class Root extends Handler {
        Root() {
            super(new Route(Method.GET, "/"), new Route(Method.HEAD, "/"));
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
            Build build = Build.current();
            return channel -> {
                XContentBuilder json = channel.newBuilder().startObject()
                    .field("name", cluster.getNodeName())
                    .field("cluster_name", cluster.getClusterName().value())
                    .field("cluster_uuid", cluster.state().metadata().clusterUUID())
                    .startObject("version")
                    .field("number", build.qualifiedVersion())
                    .field("build_flavor", build.flavor())
                    .field("build_type", build.type().displayName())
                    .field("build_hash", build.hash())
                    .field("build_date", build.date())
                    .field("build_snapshot", build.isSnapshot())
                    .field("lucene_version", Version.LATEST.toString())
                    .field("minimum_wire_compatibility_version", build.minWireCompatVersion())
                    .field("minimum_index_compatibility_version", build.minIndexCompatVersion())
                    .endObject()
                    .field("tagline", "You Know, for Search")
                    .endObject();
                channel.sendResponse(new RestResponse(RestStatus.OK, json));
            };
        }
    }

    private class ListDataStreams extends Handler {
        ListDataStreams() {
            super(new Route(Method.GET, "/_data_stream"), new Route(Method.GET, "/_data_stream/{name}"));
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
            String names = request.param("name", "*");
            return channel -> {
                ClusterState state = cluster.state();
                List<DataStreamInfo> infos = new ArrayList<>();
                streamsOf(state, names).forEach(stream -> infos.add(describe(stream, state.metadata())));
                var listener = new RestToXContentListener<GetDataStreamAction.Response>(channel);
                listener.onResponse(new GetDataStreamAction.Response(infos));
            };
        }

        /** Nothing but a stream's own lifecycle manages it, for there is no module of index lifecycles. */
        private DataStreamInfo describe(DataStream stream, Metadata metadata) {
            ManagedBy manager = stream.getDataLifecycle() == null ? ManagedBy.UNMANAGED : ManagedBy.LIFECYCLE;
            Map<Index, IndexProperties> properties = new HashMap<>();
            for (Index index : stream.getIndices()) {
                properties.put(index, new IndexProperties(false, null, manager, "standard"));
            }
            var wanted = MetadataCreateDataStreamService.lookupTemplateForDataStream(stream.getName(), metadata);
            String template = metadata.templatesV2().entrySet().stream()
                .filter(entry -> entry.getValue() == wanted).map(Map.Entry::getKey).findFirst().orElse(null);
            return new DataStreamInfo(stream, false, ClusterHealthStatus.GREEN, template, null, null, properties, false,
                null, "standard");
        }
    }

    private class CreateDataStream extends Handler {
        CreateDataStream() {
            super(new Route(Method.PUT, "/_data_stream/{name}"));
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
            String name = request.param("name");
            Metadata metadata = cluster.state().metadata();
            if (metadata.hasIndexAbstraction(name)) {
                throw new ResourceAlreadyExistsException("data_stream [" + name + "] already exists");
            }
            // Throws unless a template makes data streams of that name; without one an index would be made.
            MetadataCreateDataStreamService.lookupTemplateForDataStream(name, metadata);
            return channel -> client.execute(AutoCreateAction.INSTANCE, new CreateIndexRequest(name),
                new RestToXContentListener<>(channel));
        }
    }

    private class DeleteDataStreams extends Handler {
        DeleteDataStreams() {
            super(new Route(Method.DELETE, "/_data_stream/{name}"));
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
            String names = request.param("name");
            streamsOf(cluster.state(), names);
            return channel -> {
                var answer = new RestToXContentListener<AcknowledgedResponse>(channel);
                cluster.submitUnbatchedStateUpdateTask("delete-data-streams", new ClusterStateUpdateTask() {
                    @Override
                    public ClusterState execute(ClusterState state) {
                        return MetadataDataStreamsService.deleteDataStreams(state, streamsOf(state, names),
                            cluster.getSettings());
                    }

                    @Override
                    public void clusterStateProcessed(ClusterState before, ClusterState after) {
                        answer.onResponse(AcknowledgedResponse.TRUE);
                    }

                    @Override
                    public void onFailure(Exception failure) {
                        answer.onFailure(failure);
                    }
                });
            };
        }
    }
}
